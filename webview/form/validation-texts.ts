import * as l10n from '@vscode/l10n';

/** What the validator says of the keywords that apps' schemas have, by its own words. Source: `@cfworker/json-schema`, `validate.ts`. */
const SENTENCES: readonly [RegExp, (...parts: string[]) => string][] = [
  [
    /^Instance type "(\w+)" is invalid\. Expected "([^"]+)"/,
    (is, wanted) => l10n.t('is a {0}, and should be: {1}', is, wanted),
  ],
  [/^Instance does not match any of (.*)\.$/, (values) => l10n.t('does not match any of {0}', values)],
  [/^Instance does not match any subschemas/, () => l10n.t('does not match any subschemas')],
  [/^Instance does not match (["\d[{tfn-].*)\.$/, (value) => l10n.t('does not match {0}', value)],
  [
    /^Array has too few items \((\d+) < (\d+)\)/,
    (has, least) => l10n.t('Array has too few items ({0} < {1})', has, least),
  ],
  [
    /^Array has too many items \((\d+) > (\d+)\)/,
    (has, most) => l10n.t('Array has too many items ({0} > {1})', has, most),
  ],
  [/^String is too short \((\d+) < (\d+)\)/, (has, least) => l10n.t('String is too short ({0} < {1})', has, least)],
  [/^String is too long \((\d+) > (\d+)\)/, (has, most) => l10n.t('String is too long ({0} > {1})', has, most)],
  [/^String does not match pattern/, () => l10n.t('String does not match pattern')],
  [/^String does not match format "(.*)"/, (format) => l10n.t('String does not match format "{0}"', format)],
  [/^(\S+) is less than ([\d.e+-]+)\.$/, (value, least) => l10n.t('{0} is less than {1}', value, least)],
  [/^(\S+) is greater than ([\d.e+-]+)\.$/, (value, most) => l10n.t('{0} is greater than {1}', value, most)],
  [
    /^(\S+) is greater than or equal to ([\d.e+-]+)\.$/,
    (value, most) => l10n.t('{0} is greater than or equal to {1}', value, most),
  ],
  [/^(\S+) is not a multiple of ([\d.e+-]+)\.$/, (value, step) => l10n.t('{0} is not a multiple of {1}', value, step)],
];

/** What is wrong with a value, as the end of a sentence that begins with where it stands. */
export function sentence(error: string): string {
  for (const [pattern, said] of SENTENCES) {
    const [, ...parts] = pattern.exec(error) ?? [];
    if (pattern.test(error)) return said(...parts);
  }
  return error.replace(/^Instance /, '').replace(/\.$/, '');
}

import * as l10n from '@vscode/l10n';
import type { FieldHint, FormSchema } from '../../../emulator/contract/index.ts';
import { isObject, type JsonObject, resolvedIn } from './json-schema.ts';

/** Models nest this deep at most in a form; one that holds itself ends here. */
const MAX_DEPTH = 6;

/** Where files, long texts and hidden properties are in a form: by fal's own `ui` and `x-fal`, else by the property's name. */
export function fieldHints(form: FormSchema): FieldHint[] {
  const hints: FieldHint[] = [];
  const visit = (schema: unknown, at: string[]): void => {
    if (!isObject(schema) || at.length > MAX_DEPTH) return;
    const resolved = resolvedIn(schema, form);
    const kind = kindOf(resolved, at.findLast((name) => name !== '*') ?? '');
    if (kind !== null) hints.push({ at, kind, ...limitsOf(resolved) });
    if (isObject(resolved.items)) visit(resolved.items, [...at, '*']);
    if (!isObject(resolved.properties)) return;
    for (const [name, property] of Object.entries(resolved.properties)) visit(property, [...at, name]);
  };
  visit(form, []);
  return hints;
}

type Kind = FieldHint['kind'];

const BY_NAME: readonly [RegExp, Kind][] = [
  [/(?:^|_)(?:image|mask|picture|photo)s?_urls?$/, 'image'],
  [/(?:^|_)video_urls?$/, 'video'],
  [/(?:^|_)(?:audio|voice|speech)_urls?$/, 'audio'],
  [/(?:^|_)(?:file|document|zip|archive|model|lora)_urls?$/, 'file'],
];

function kindOf(schema: JsonObject, name: string): Kind | null {
  const ui = isObject(schema.ui) ? schema.ui : {};
  if (ui.hidden === true) return 'hidden';
  // `File` and `Image` of the toolkit are objects with a `url`: that property takes the file.
  const isText = schema.type === 'string';
  if (ui.field === 'image' || ui.field === 'video' || ui.field === 'audio' || ui.field === 'file') {
    return isText ? ui.field : null;
  }
  if (!isText || Array.isArray(schema.enum)) return null;
  if (schema.format === 'binary') return BY_NAME.find(([pattern]) => pattern.test(`${name}_url`))?.[1] ?? 'file';
  if (ui.field === 'textarea' || /(?:^|_)(?:prompt|text|script|lyrics)$/.test(name)) return 'long-text';
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Source: `fal.toolkit.constraints`, whose set limits stand under `x-fal`. */
function limitsOf(schema: JsonObject): Pick<FieldHint, 'limits' | 'maxBytes'> {
  const limits = isObject(schema['x-fal']) ? schema['x-fal'] : {};
  const number = (name: string): number | null => (typeof limits[name] === 'number' ? limits[name] : null);
  const maxBytes = number('max_file_size');
  const range = (name: string, what: string, unit: string): string[] => {
    const [least, most] = [number(`min_${name}`), number(`max_${name}`)];
    if (least !== null && most !== null) return [l10n.t('{0} {1} to {2}', what, least, `${most}${unit}`)];
    if (least !== null) return [l10n.t('{0} at least {1}', what, `${least}${unit}`)];
    return most === null ? [] : [l10n.t('{0} at most {1}', what, `${most}${unit}`)];
  };
  return {
    maxBytes,
    limits: [
      ...(maxBytes === null ? [] : [l10n.t('at most {0} MiB', Math.round((maxBytes / 2 ** 20) * 10) / 10)]),
      ...range('width', l10n.t('width'), ' px'),
      ...range('height', l10n.t('height'), ' px'),
      ...range('duration', l10n.t('duration'), ' s'),
      ...range('fps', l10n.t('fps'), ''),
      ...range('frames', l10n.t('frames'), ''),
      ...range('aspect_ratio', l10n.t('aspect ratio'), ''),
    ],
  };
}

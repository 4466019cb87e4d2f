import type { Finding, ImportReport, Level, Place } from './report.ts';

const LEVELS: readonly Level[] = ['BLOCKED', 'TODO', 'CHECK', 'OK'];
const MEANING: Record<Level, string> = {
  BLOCKED: 'not converted',
  TODO: 'left to you, marked in the code',
  CHECK: 'converted, may behave differently',
  OK: 'exact',
};

/** The report for a person to read. */
export function reportMarkdown(report: ImportReport): string {
  const { app, platform, entry, levels, findings, items, files, secrets, volumes } = report;
  const lines = [`# ${app}: imported from ${platform}`, '', `From \`${entry}\`.`, ''];
  lines.push('| level | findings | meaning |', '| --- | --- | --- |');
  for (const level of LEVELS) lines.push(`| ${level} | ${levels[level]} | ${MEANING[level]} |`);
  for (const level of LEVELS) {
    const own = findings.filter((finding) => finding.level === level);
    if (own.length > 0) lines.push('', `## ${level}`, '', ...own.flatMap(findingLines));
  }
  if (secrets.length > 0)
    lines.push('', '## Secrets to set', '', '```sh', ...secrets.map(({ command }) => command), '```');
  if (volumes.length > 0) {
    lines.push(
      '',
      '## Volumes to copy',
      '',
      ...volumes.map(({ from, to, next }) => `- \`${from}\` → \`${to}\`: \`${next}\``),
    );
  }
  if (files.length > 0) lines.push('', '## Files', '', ...files.map(({ path, origin }) => `- \`${path}\`: ${origin}`));
  lines.push('', '## All of the source', '', '| where | what | outcome |', '| --- | --- | --- |');
  for (const { source, text, outcome } of items) lines.push(`| ${place(source)} | ${code(text)} | ${outcome} |`);
  return `${lines.join('\n')}\n`;
}

function findingLines({ code: id, source, target, text, reason, next }: Finding): string[] {
  const where = [source ? place(source) : null, target ? `→ ${place(target)}` : null].filter((part) => part !== null);
  const lines = [`- **${id}** ${where.join(' ')}${text === '' ? '' : ` ${code(text)}`}`, `  ${reason}`];
  if (next !== '') lines.push(`  *Next:* ${next}`);
  return lines;
}

const place = ({ file, line }: Place): string => `${file}:${line}`;

/** Code in a table cell or list; a backtick in it would end it. */
const code = (text: string): string => `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;

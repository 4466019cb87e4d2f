import type { Ledger } from './ledger.ts';
import type { ImportedApp, ImportedFile, PlatformName } from './platform.ts';
import { kebabCase } from './python-text.ts';
import type { ImportReport } from './report.ts';

/** What a report is made for: the platform, the file that the app starts in, and the app's name. */
export interface Subject {
  platform: PlatformName;
  entry: string;
  app: string;
}

/** The report of a finished conversion. `texts`: what was written, by path, for the lines that findings point at. */
export function buildReport(
  ledger: Ledger,
  { platform, entry, app }: Subject,
  files: readonly ImportedFile[],
  texts: ReadonlyMap<string, string>,
  volumes: ImportReport['volumes'],
): ImportReport {
  const findings = ledger.findings(texts);
  const levels = { OK: 0, CHECK: 0, TODO: 0, BLOCKED: 0 };
  for (const { level } of findings) levels[level]++;
  const secrets = findings
    .filter(({ code }) => code === 'F601')
    .map(({ text, source }) => ({ name: text, source: source!, command: `fal secrets set ${text}=` }));
  return {
    version: 1,
    platform,
    app,
    entry,
    files: files.map(({ path, origin }) => ({ path, origin })),
    levels,
    items: ledger.items,
    findings,
    secrets: secrets.filter(({ name }, index) => secrets.findIndex((other) => other.name === name) === index),
    volumes,
  };
}

/** A source that is not converted: a report that says why, and no files. */
export function blockedApp(
  ledger: Ledger,
  { platform, entry, app }: Subject,
  { code, line, reason }: { code: string; line: number; reason: string },
): ImportedApp {
  ledger.note(code, 'BLOCKED', {
    source: { file: entry, line },
    reason,
    next: 'Nothing was written. Mend the source and import again.',
  });
  ledger.item('file', { file: entry, line }, entry, 'reported');
  return { files: [], report: buildReport(ledger, { platform, entry, app: kebabCase(app) }, [], new Map(), []) };
}

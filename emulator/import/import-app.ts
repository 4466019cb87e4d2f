import { WindtunnelError } from '../contract/index.ts';
import { blockedApp } from './build-report.ts';
import { cogPlatform } from './cog/cog-platform.ts';
import { Ledger } from './ledger.ts';
import { modalPlatform } from './modal/modal-platform.ts';
import type { ImportedApp, ImportPlatform, PlatformName, SourceFolder } from './platform.ts';
import { syntaxFault } from './python-faults/syntax-fault.ts';
import { runpodPlatform } from './runpod/runpod-platform.ts';
import { readSource } from './source-text.ts';
import type { PythonParser } from './syntax.ts';

const PLATFORMS: readonly ImportPlatform[] = [cogPlatform, runpodPlatform, modalPlatform];

/** Files in which apps start, each with its platform, those of one platform in order of likelihood. */
export function entriesOf(
  folder: SourceFolder,
  from: PlatformName | 'auto',
  parser: PythonParser,
): { platform: PlatformName; entry: string }[] {
  const found = new Map<string, PlatformName>();
  for (const { name, detect } of PLATFORMS) {
    if (from !== 'auto' && from !== name) continue;
    for (const entry of detect(folder, parser)) if (!found.has(entry)) found.set(entry, name);
  }
  return [...found].map(([entry, platform]) => ({ platform, entry }));
}

/**
 * Converts the app in a folder. `entry` names the file when the folder holds several. Throws E_IMPORT_NOTHING; what is
 * wrong with the source itself is in the report.
 */
export function importApp(
  folder: SourceFolder,
  options: { from: PlatformName | 'auto'; entry: string | null },
  parser: PythonParser,
): ImportedApp {
  const { from, entry } = options;
  const wanted = PLATFORMS.filter(({ name }) => from === 'auto' || from === name);
  for (const platform of wanted) {
    const found = platform.detect(folder, parser);
    const chosen = entry === null ? found[0] : found.find((file) => file === entry);
    if (chosen !== undefined) return pythonOnly(platform.convert(folder, chosen, parser), parser);
  }
  throw new WindtunnelError('E_IMPORT_NOTHING', `No app to import was found in ${entry ?? folder.name}.`, {
    hint: 'Name the folder of the app, or its file: one with @app.function or @app.cls of Modal, one that calls runpod.serverless.start(…), or one that cog.yaml names.',
  });
}

/** The app, or a report that refuses it when a file that was written for it is not Python: better nothing than that. */
function pythonOnly(app: ImportedApp, parser: PythonParser): ImportedApp {
  for (const { path, origin, content } of app.files) {
    if (origin === 'copied' || !path.endsWith('.py')) continue;
    const form = readSource(content);
    const fault =
      typeof form === 'string'
        ? { line: 1, what: form }
        : parser.withTree(form.text, (root) => syntaxFault(root, form.text));
    if (!fault) continue;
    const line = typeof form === 'string' ? '' : (form.text.split('\n')[fault.line - 1] ?? '').trim();
    const { platform, entry, app: name } = app.report;
    return blockedApp(
      new Ledger(),
      { platform, entry, app: name },
      {
        code: 'F007',
        line: 1,
        reason: `${path} would not be Python after the import, at «${line}»: ${fault.what}.`,
      },
    );
  }
  return app;
}

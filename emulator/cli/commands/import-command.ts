import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { userPaths } from '../../client/paths.ts';
import { WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { createEnvironments } from '../../environments/create-environments.ts';
import { finderOf } from '../../find/finder.ts';
import { loadPythonParser } from '../../find/python-parser.ts';
import { clientFiles, withClients } from '../../import/clients/client-files.ts';
import { importApp } from '../../import/import-app.ts';
import { type ImportedUnit, importFolder } from '../../import/import-folder.ts';
import type { ImportedApp, PlatformName, SourceFolder } from '../../import/platform.ts';
import { staticChecks } from '../../import/static-checks.ts';
import type { PythonParser } from '../../import/syntax.ts';
import { originalEnv } from '../exec-env.ts';
import { checkImported } from '../import-check/check-imported.ts';
import { refuseOut, reimportLines, writeImported } from '../imported-folder.ts';
import { table } from '../table.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';

interface ImportOptions {
  from: string;
  out?: string;
  report?: string;
  json?: boolean;
  check?: boolean;
  /** Paths of files that call the app, or `all`. */
  client?: string[];
}

const PLATFORMS = ['auto', 'modal', 'runpod', 'cog'];
const IGNORED = new Set([
  '.git',
  '.windtunnel',
  'node_modules',
  '__pycache__',
  '.venv',
  'venv',
  '.mypy_cache',
  '.ruff_cache',
]);
// Sources are small; weights and samples are not, and are copied by hand.
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 5000;

/** Converts an app into a new folder. Exit 1 when a person must do something before the app can run. */
export async function importCommand(
  terminal: Terminal,
  given: string,
  options: ImportOptions,
  loadParser: () => Promise<PythonParser> = shippedParser,
  pythonFor: (terminal: Terminal) => Promise<string> = pythonWithFal,
): Promise<number> {
  if (!PLATFORMS.includes(options.from)) throw usage(`--from ${options.from} is not one of ${PLATFORMS.join(', ')}.`);
  const { folder, root, entry } = readFolder(resolve(terminal.cwd, given));
  const parser = await loadParser();
  const from = options.from as PlatformName | 'auto';
  const out = resolve(terminal.cwd, options.out ?? `${basename(root)}-fal`);
  const imported: ImportedUnit[] =
    entry === null
      ? importFolder(folder, from, parser)
      : [{ path: '', folder, entry, app: importApp(folder, { from, entry }, parser), failure: null }];
  const units = withCallers(imported, options.client ?? [], parser);
  const reports = units.flatMap(({ app }) => (app ? [app.report] : []));
  const shown = JSON.stringify(units.length === 1 ? reports[0] : reports, null, 2);
  let failed = false;
  if (units.some(({ app }) => app !== null && app.files.length > 0)) refuseOut(out, root);
  for (const unit of units) {
    if (unit.app && unit.app.files.length > 0) {
      const plan = writeImported(join(out, unit.path), unit.app);
      // Beside the report on stdout, which a program may read.
      for (const line of reimportLines(plan)) terminal.note(line);
      failed = plan.some(({ action }) => action === 'conflict') || failed;
    }
    if (!options.json && unit.app) tell(terminal, unit.app, join(out, unit.path), parser);
    if (options.check && unit.app && unit.app.files.length > 0) {
      failed = !(await check(terminal, { folder: unit.folder, app: unit.app }, parser, pythonFor)) || failed;
    }
  }
  if (options.report !== undefined) {
    const file = resolve(terminal.cwd, options.report);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${shown}\n`);
  }
  if (options.json) terminal.out(shown);
  else if (units.length > 1) for (const line of table(units.map(row))) terminal.out(line);
  const left = reports.some(({ levels }) => levels.TODO + levels.BLOCKED > 0);
  return left || failed || units.some(({ failure }) => failure !== null) ? EXIT.failed : EXIT.ok;
}

/** The apps with those of their callers that were asked for. Throws for a name that is no caller. */
function withCallers(units: readonly ImportedUnit[], wanted: readonly string[], parser: PythonParser): ImportedUnit[] {
  const all = wanted.includes('all');
  const found = units.map(({ app, folder }) => (app ? clientFiles(folder, app, parser) : []));
  const paths = new Set(found.flat().map(({ path }) => path));
  const unknown = wanted.find((path) => path !== 'all' && !paths.has(path));
  if (unknown !== undefined) {
    const there = paths.size === 0 ? 'no file in the folder does' : `these do: ${[...paths].join(', ')}`;
    throw usage(`--client ${unknown} does not call the app; ${there}.`);
  }
  return units.map((unit, index) =>
    unit.app ? { ...unit, app: withClients(unit.app, found[index]!, all ? 'all' : wanted) } : unit,
  );
}

/** A line of the table of several apps. */
function row({ path, entry, app, failure }: ImportedUnit): string[] {
  if (!app) return ['failed', path, entry, failure ?? ''];
  const { levels, platform, findings } = app.report;
  const blocked = findings.find(({ level }) => level === 'BLOCKED');
  const counts = `${levels.OK} exact, ${levels.CHECK} to check, ${levels.TODO} left to you`;
  return [platform, path, entry, blocked ? `blocked: ${blocked.reason}` : counts];
}

/** Runs every check of the app, each a line; false when one failed. */
async function check(
  terminal: Terminal,
  { folder, app }: { folder: SourceFolder; app: ImportedApp },
  parser: PythonParser,
  pythonFor: (terminal: Terminal) => Promise<string>,
): Promise<boolean> {
  const results: { check: string; ok: boolean; detail: string }[] = staticChecks(folder, app, parser);
  const work = mkdtempSync(join(tmpdir(), 'windtunnel-check-'));
  try {
    const cases = [{ name: app.report.app, folder, app }];
    for await (const { checks } of checkImported(cases, await pythonFor(terminal), work, terminal.interrupted)) {
      results.push(...checks);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  // Beside the report on stdout, which a program may read.
  for (const line of table(
    results.map(({ check: name, ok, detail }) => ['check', name, ok ? 'ok' : 'FAILED', detail]),
  )) {
    terminal.note(line);
  }
  return results.every(({ ok }) => ok);
}

/** An environment with fal and nothing of the app's, from the cache where apps' environments are. */
async function pythonWithFal(terminal: Terminal): Promise<string> {
  const environments = createEnvironments({
    cacheDir: userPaths(terminal.host).root,
    env: originalEnv(terminal.host.env),
    clock: systemClock,
    log: silentLog,
    workspaceDir: terminal.cwd,
  });
  const request = { pythonVersion: null, requirements: [], contextDir: terminal.cwd, appDir: terminal.cwd };
  const { environment } = await environments.ensure(request, (line) => terminal.status(line), terminal.interrupted);
  // No image was asked for.
  if (environment.kind !== 'venv')
    throw new WindtunnelError('E_IMPORT_CHECK', 'The checks need a virtual environment.');
  return environment.python;
}

const shippedParser = (): Promise<PythonParser> =>
  loadPythonParser(fileURLToPath(new URL('.', assetUrl('treeSitterWasm'))));

/** The folder of a path, or that of a file with the file as the entry. */
function readFolder(path: string): { folder: SourceFolder; root: string; entry: string | null } {
  let root: string;
  let entry: string | null = null;
  try {
    root = realpathSync(path);
    if (statSync(root).isFile()) {
      entry = basename(root);
      root = dirname(root);
    }
  } catch (cause) {
    throw new WindtunnelError('E_FILE_UNREADABLE', `There is no file or folder ${path}`, { cause });
  }
  const files = new Map<string, Uint8Array>();
  const unread: string[] = [];
  const visit = (folder: string): void => {
    for (const item of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const at = join(folder, item.name);
      const name = relative(root, at).split(sep).join('/');
      if (item.isDirectory()) {
        if (!IGNORED.has(item.name)) visit(at);
      } else if (item.isFile()) {
        // A folder of this size is no worker but somebody's home.
        if (files.size >= MAX_FILES) {
          throw new WindtunnelError('E_LIMIT', `${root} holds more than ${MAX_FILES} files.`, {
            hint: 'Name the folder of the worker itself, or its file.',
          });
        }
        if (statSync(at).size > MAX_FILE_BYTES) unread.push(name);
        else files.set(name, readFileSync(at));
      }
    }
  };
  visit(root);
  return { folder: { name: basename(root), files, unread }, root, entry };
}

function tell(terminal: Terminal, app: ImportedApp, out: string, parser: PythonParser): void {
  const { files, report } = app;
  const { levels, findings, secrets } = report;
  const shown = findings.filter(({ level }) => level === 'TODO' || level === 'BLOCKED');
  const rows = shown.map(({ level, code, target, source, reason }) => {
    const place = target ?? source;
    return [level, code, place ? `${place.file}:${place.line}` : '', reason];
  });
  for (const line of table(rows)) terminal.out(line);
  terminal.out(
    `${report.app}: ${levels.OK} exact, ${levels.CHECK} to check, ${levels.TODO} left to you, ${levels.BLOCKED} blocked`,
  );
  for (const { command } of secrets) terminal.out(`secret: ${command}`);
  for (const { code, source } of findings) {
    if (code === 'F800' && source)
      terminal.out(`calls the app: ${source.file} (--client ${source.file} writes it, too)`);
  }
  if (files.length === 0) return;
  terminal.out(`written to ${out}; what each line became is in ${join(out, 'IMPORT.md')}`);
  for (const target of runTargets(app, parser)) terminal.out(`next: windtunnel run ${join(out, target)}`);
  // What was the program of the file, for `modal run`, is it still.
  if (findings.some(({ code }) => code === 'F782'))
    terminal.out(`then: windtunnel exec -- python ${join(out, report.entry)}   (in another terminal; it imports fal)`);
}

/** What `run` takes: the file, or each of its apps by its name where it has several. */
function runTargets({ files, report: { entry } }: ImportedApp, parser: PythonParser): string[] {
  const content = files.find(({ path }) => path === entry)?.content ?? new Uint8Array();
  const apps = finderOf(parser).findInSource(Buffer.from(content).toString('utf8'), entry);
  return apps.length < 2 ? [entry] : apps.map(({ symbol }) => `${entry}::${symbol}`);
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function addImportCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('import')
    .description('convert a Modal app, RunPod worker or Cog model into a fal app, in a folder of its own')
    .argument('<path>', 'folder or file of the app')
    .option('--from <platform>', PLATFORMS.join('|'), 'auto')
    .option(
      '--out <dir>',
      'folder for the result: a new one, or one of an earlier import, whose edits are kept (default: <name>-fal)',
    )
    .option('--client <file>', 'write this file, which calls the app, for fal as well; `all` for every one', collect)
    .option('--report <file>', 'write the report as JSON, too')
    .option('--check', 'check the app under the real fal, and run it beside its source on stand-ins')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nThe source is never changed, and none of it is run without --check, which runs it in a temporary folder without network,\nprograms or packages. Exit 1 when something is left to you, or a check fails.\n\nExample:\n  windtunnel import ./my-worker --out ./my-app',
    )
    .action((path: string, options: ImportOptions) => run(() => importCommand(terminal, path, options)));
}

import { environmentOf, readDockerfile } from '../dockerfile.ts';
import { filesBeside } from '../files-beside.ts';
import type { Ledger } from '../ledger.ts';
import type { ImportedFile, SourceFolder } from '../platform.ts';
import { pythonString } from '../python-text.ts';
import { conflictsWithFal, readRequirements, requirementItems } from '../requirements.ts';
import { folderOf, join } from '../siblings.ts';
import type { Environment } from '../source-app.ts';
import { rewriteDockerfile } from './dockerfile-rewrite.ts';
import { copiedSources, matchesSource } from './image-files.ts';
import { machineOf } from './machine.ts';
import { pipLayers } from './pip-layers.ts';

export interface EnvironmentSource {
  folder: SourceFolder;
  entry: string;
  siblings: readonly string[];
  /** Top modules that the files import. */
  imported: ReadonlySet<string>;
  tools: boolean;
  ledger: Ledger;
  /** Files that are converted already. */
  taken: ReadonlySet<string>;
  /** Strings of the entry, some of which name files. */
  literals: ReadonlySet<string>;
}

export interface PlannedEnvironment {
  environment: Environment;
  machineTypes: string[];
  gpus: number;
  /** First lines of `setup`. */
  setup: string[];
  files: ImportedFile[];
}

// Packages that came with runpod, by the module that code imports. Source: runpod-python's requirements.txt.
const WITH_RUNPOD = new Map([
  ['requests', 'requests'],
  ['boto3', 'boto3'],
  ['aiohttp', 'aiohttp'],
  ['backoff', 'backoff'],
  ['cryptography', 'cryptography'],
  ['urllib3', 'urllib3'],
  ['psutil', 'psutil'],
]);

/** Where the worker's packages, files and hardware come from, and what they are at fal. */
export function planEnvironment(source: EnvironmentSource): PlannedEnvironment {
  const { folder, entry, ledger } = source;
  const home = folderOf(entry);
  const dockerfile = [...ancestors(home), '']
    .map((at) => join(at, 'Dockerfile'))
    .find((path) => folder.files.has(path));
  const dockerText = dockerfile === undefined ? null : text(folder, dockerfile);
  const requirement = (path: string): string[] | null => {
    const name = path.replace(/^\.?\//, '');
    const found = [join(folderOf(dockerfile ?? entry), name), name, join(home, name)].find((at) =>
      folder.files.has(at),
    );
    return found === undefined ? null : readLayer(folder, found, ledger, new Set());
  };
  const seen = ledger.items.length;
  const layers = dockerText === null ? plainLayers(source, requirement) : pipLayers(dockerText, requirement);
  const plan: PlannedEnvironment = layers
    ? pipEnvironment(source, layers, dockerfile ?? null, dockerText)
    : imageEnvironment(source, dockerfile!, dockerText!, seen);
  Object.assign(plan, machineOf(folder, entry, `${dockerText ?? ''}\n${(layers ?? []).flat().join('\n')}`, ledger));
  return plan;
}

function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = path; at !== ''; at = folderOf(at)) found.push(at);
  return found;
}

const text = (folder: SourceFolder, path: string): string => Buffer.from(folder.files.get(path)!).toString('utf8');

function plainLayers({ folder, entry }: EnvironmentSource, read: (path: string) => string[] | null): string[][] {
  const places = [join(folderOf(entry), 'requirements.txt'), 'requirements.txt', 'builder/requirements.txt'];
  const path = places.find((place) => folder.files.has(place));
  return path === undefined ? [] : [read(path) ?? []];
}

function readLayer(folder: SourceFolder, path: string, ledger: Ledger, seen: Set<string>): string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  return readRequirements(text(folder, path)).flatMap(({ line, text: entry, name }) => {
    if (entry === '') return [];
    const place = { file: path, line };
    if (name === 'runpod') {
      ledger.item('requirement', place, entry, 'reported');
      ledger.note('F401', 'OK', { source: place, text: entry, reason: 'The runpod package is not needed any more.' });
      return [];
    }
    const other = /^(?:-r|--requirement)[\s=]+(\S+)/.exec(entry)?.[1];
    if (other !== undefined && folder.files.has(join(folderOf(path), other))) {
      ledger.item('requirement', place, entry, 'mapped');
      return readLayer(folder, join(folderOf(path), other), ledger, seen);
    }
    const conflict = conflictsWithFal(entry);
    ledger.item('requirement', place, entry, conflict ? 'reported' : 'mapped');
    if (conflict) {
      const reason = 'fal installs the pydantic and fastapi of whoever deploys; this pin does not go with them.';
      ledger.note('F402', 'CHECK', {
        source: place,
        text: entry,
        reason,
        next: 'Loosen the pin, or run the old version in a process of its own.',
      });
    }
    return requirementItems(entry);
  });
}

function pipEnvironment(
  source: EnvironmentSource,
  layers: string[][],
  dockerfile: string | null,
  dockerText: string | null,
): PlannedEnvironment {
  const { entry, ledger } = source;
  const variables: Record<string, string> = {};
  for (const at of dockerText === null ? [] : readDockerfile(dockerText)) {
    const place = { file: dockerfile!, line: at.start };
    ledger.item('docker', place, at.text, at.keyword === 'FROM' ? 'reported' : 'mapped');
    if (at.keyword === 'FROM') {
      const reason = `The image is Python with packages only, so requirements do. It was ${at.args}; fal uses the Python that you deploy with.`;
      ledger.note('F303', 'CHECK', {
        source: place,
        text: at.text,
        reason,
        next: 'Deploy with the same minor version of Python.',
        anchor: { file: entry, text: 'app_name =' },
      });
    }
    if (at.keyword === 'ENV') Object.assign(variables, environmentOf(at.args));
  }
  for (const name of Object.keys(variables))
    if (/^(PYTHON\w+|PIP_\w+|DEBIAN_FRONTEND|PATH)$/.test(name)) delete variables[name];
  const listed = layers.filter((layer) => layer.length > 0);
  addWithRunpod(source, listed);
  const { appFiles, files } = filesBeside(source);
  if (source.tools) appFiles.push('worker_tools.py');
  const setup = Object.entries(variables).map(
    ([name, value]) => `os.environ.setdefault(${pythonString(name)}, ${pythonString(value)})`,
  );
  return {
    environment: { kind: 'requirements', layers: listed, appFiles: appFiles.sort(), variables },
    machineTypes: [],
    gpus: 1,
    setup,
    files,
  };
}

function addWithRunpod({ imported, ledger, entry }: EnvironmentSource, layers: string[][]): void {
  const all = layers.flat().join('\n').toLowerCase();
  const missing = [...WITH_RUNPOD].filter(
    ([module, name]) => imported.has(module) && !new RegExp(`(^|\\n)${name}\\b`).test(all),
  );
  if (missing.length === 0) return;
  const names = missing.map(([, name]) => name);
  if (layers.length === 0) layers.push(names);
  else layers.at(-1)!.push(...names);
  const reason = `${names.join(', ')}: imported and not required; came with the runpod package.`;
  ledger.note('F403', 'CHECK', {
    source: { file: entry, line: 1 },
    text: names.join(', '),
    reason,
    next: 'Pin the versions that you tested with.',
    anchor: { file: entry, text: 'requirements =' },
  });
}

function imageEnvironment(
  source: EnvironmentSource,
  dockerfile: string,
  dockerText: string,
  seen: number,
): PlannedEnvironment {
  const { folder, entry, ledger, taken } = source;
  // The attempt to read it as packages only has counted requirements that are counted below, where they are rewritten.
  ledger.items.splice(seen);
  const context = folderOf(dockerfile);
  const script = (name: string): string | null => {
    const path = [...folder.files.keys()].find((file) => file.split('/').at(-1) === name);
    return path === undefined ? null : text(folder, path);
  };
  const own = context === '' ? entry : entry.slice(context.length + 1);
  const result = rewriteDockerfile({ path: dockerfile, text: dockerText, entry: own, script }, ledger);
  const target = join(context, 'Dockerfile.fal');
  if (source.tools) {
    const tools = join(folderOf(own), 'worker_tools.py');
    result.lines.push(`COPY ${tools} ${result.scriptDir === '/' ? '' : result.scriptDir}/worker_tools.py`);
  }
  const files: ImportedFile[] = [
    { path: target, origin: 'written', content: Buffer.from(`${result.lines.join('\n')}\n`) },
  ];
  const copied = copiedSources(dockerText).map((name) => join(context, name.replace(/^\.?\//, '').replace(/\/$/, '')));
  for (const [path, content] of folder.files) {
    if (
      path === entry ||
      path === dockerfile ||
      taken.has(path) ||
      path === target ||
      /(^|\/)(\.git|__pycache__)\//.test(path)
    )
      continue;
    const needed = copied.some((name) => matchesSource(name, path, context));
    if (!needed) continue;
    const after = /requirements[\w.-]*\.txt$/.test(path) ? withoutRunpodLine(path, content, ledger) : null;
    files.push(after ? { path, origin: 'converted', content: after } : { path, origin: 'copied', content });
  }
  for (const name of copied) {
    const there =
      name === context ||
      /[*?$]/.test(name) ||
      name === entry ||
      files.some(({ path }) => matchesSource(name, path, context)) ||
      taken.has(name);
    if (there || /^https?:/.test(name) || /(^|\/)test_input\.json$/.test(name) || folder.files.has(name)) continue;
    const reason = `The Dockerfile copies ${name}, which ${folder.unread.includes(name) ? 'is too large to be taken along' : 'is not in the folder'}.`;
    ledger.note('F309', 'CHECK', {
      source: { file: dockerfile, line: 1 },
      text: name,
      reason,
      next: 'Put it beside Dockerfile.fal before you build.',
    });
  }
  const levels = folderOf(own)
    .split('/')
    .filter((part) => part !== '').length;
  const setup = [`os.chdir(${pythonString(result.workdir)})`, `sys.path.insert(0, ${pythonString(result.scriptDir)})`];
  return {
    environment: { kind: 'image', dockerfile: `${'../'.repeat(levels)}Dockerfile.fal` },
    machineTypes: [],
    gpus: 1,
    setup,
    files,
  };
}

function withoutRunpodLine(path: string, content: Uint8Array, ledger: Ledger): Uint8Array | null {
  const before = Buffer.from(content).toString('latin1');
  const lines = before.split('\n');
  let changed = false;
  for (const { line, text: entry, name } of readRequirements(before)) {
    if (entry === '') continue;
    const place = { file: path, line };
    const own = name === 'runpod';
    const conflict = conflictsWithFal(entry);
    ledger.item('requirement', place, entry, own || conflict ? 'reported' : 'kept');
    if (own) {
      lines[line - 1] = '\0';
      changed = true;
      ledger.note('F401', 'OK', { source: place, text: entry, reason: 'The runpod package is not needed any more.' });
    } else if (conflict) {
      const reason = 'fal installs the pydantic and fastapi of whoever deploys; this pin does not go with them.';
      ledger.note('F402', 'CHECK', {
        source: place,
        text: entry,
        reason,
        next: 'Loosen the pin, or run the old version in a process of its own.',
      });
    }
  }
  return changed ? Buffer.from(lines.filter((line) => line !== '\0').join('\n'), 'latin1') : null;
}

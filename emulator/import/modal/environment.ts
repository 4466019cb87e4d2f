import { readDockerfile } from '../dockerfile.ts';
import type { Ledger } from '../ledger.ts';
import type { ImportedFile, SourceFolder } from '../platform.ts';
import { pythonString } from '../python-text.ts';
import { conflictsWithFal, packageName, readRequirements } from '../requirements.ts';
import { folderOf, join } from '../siblings.ts';
import type { Literal, SyntaxNode } from '../syntax.ts';
import { fold } from './fold.ts';
import { argument, type ModalNames } from './library.ts';
import type { ImageChain, ImageStep, ObjectReader } from './objects.ts';

// Long: each call of an image's chain, once, for both forms that an environment takes at fal.

export interface PlannedImage {
  /** `requirements`, or the path of the Dockerfile that was written. */
  environment: { kind: 'requirements'; layers: string[][]; appFiles: string[] } | { kind: 'image'; dockerfile: string };
  /** Variables to set in setup(): name → Python expression. */
  variables: Map<string, string>;
  /** Calls that setup() makes first: functions that ran when the image was built. */
  calls: string[];
  files: ImportedFile[];
  marks: string[];
}

interface Source {
  folder: SourceFolder;
  entry: string;
  reader: ObjectReader;
  names: ModalNames;
  ledger: Ledger;
  /** Files that the code imports, relative to the entry's folder. */
  siblings: readonly string[];
  /** Packages that the generated code needs. */
  extra: readonly string[];
  /** Moves a path that lies on a volume. */
  moved: (path: string) => string;
  anchor: string;
  /** Dockerfiles that are written already, by their text. */
  written: Map<string, string>;
  unit: string;
}

interface Build {
  source: Source;
  step: ImageStep;
  layers: string[][];
  lines: string[];
  variables: Map<string, string>;
  calls: string[];
  files: ImportedFile[];
  appFiles: Set<string>;
  marks: string[];
  /** Something that only an image can be. */
  needsImage: boolean;
  python: string | null;
}

/** What an image's chain is at fal. */
export function planImage(chain: ImageChain | null, source: Source): PlannedImage {
  const build: Build = {
    source,
    step: null as unknown as ImageStep,
    layers: [],
    lines: [],
    variables: new Map(),
    calls: [],
    files: [],
    appFiles: new Set(),
    marks: [],
    needsImage: false,
    python: null,
  };
  if (chain?.unknown != null) {
    const text = `image=${chain.unknown.split('\n')[0]}`;
    build.marks.push(`# TODO(fal-import): F301 ${text}`);
    source.ledger.note('F301', 'TODO', {
      source: { file: source.entry, line: lineIn(source, chain.unknown) },
      text,
      reason: 'This image is made by code that was not run.',
      next: 'Write its packages into requirements, or a Dockerfile into image.',
      anchor: { file: source.entry, text: `TODO(fal-import): F301 ${text}` },
    });
  }
  for (const step of chain?.steps ?? []) {
    build.step = step;
    applyStep(build);
  }
  const { folder, entry } = source;
  const home = folderOf(entry);
  for (const path of source.siblings) {
    build.files.push({ path, origin: 'copied', content: folder.files.get(path)! });
  }
  const own = source.siblings.map((path) =>
    home !== '' && path.startsWith(`${home}/`) ? path.slice(home.length + 1) : path,
  );
  if (!build.needsImage) {
    for (const name of own) build.appFiles.add(name.split('/')[0]!);
    const layers = build.layers.filter((layer) => layer.length > 0);
    const missing = source.extra.filter((name) => !layers.flat().some((spec) => packageName(spec) === name));
    if (missing.length > 0) {
      if (layers.length === 0) layers.push([]);
      layers.at(-1)!.push(...missing);
    }
    pythonNote(build);
    return {
      environment: { kind: 'requirements', layers, appFiles: [...build.appFiles].sort() },
      variables: build.variables,
      calls: build.calls,
      files: build.files,
      marks: build.marks,
    };
  }
  const lines = [...build.lines];
  if (own.length > 0)
    lines.push(
      'WORKDIR /root',
      ...[...new Set(own.map((name) => name.split('/')[0]!))].map((name) => `COPY ${name} /root/${name}`),
    );
  if (!/\bcurl\b/.test(lines.join('\n')))
    lines.push('RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*');
  lines.push(`RUN pip install --no-cache-dir fal${source.extra.map((name) => ` ${name}`).join('')}`);
  const text = `${lines.join('\n')}\n`;
  let dockerfile = source.written.get(text);
  if (dockerfile === undefined) {
    const taken = new Set(source.written.values());
    dockerfile =
      taken.size === 0
        ? 'Dockerfile.fal'
        : `Dockerfile.${(chain?.name ?? source.unit).replaceAll(/\W+/g, '-').toLowerCase()}.fal`;
    while (taken.has(dockerfile)) dockerfile = dockerfile.replace(/\.fal$/, '-2.fal');
    source.written.set(text, dockerfile);
    build.files.push({ path: join(home, dockerfile), origin: 'written', content: Buffer.from(text) });
  }
  return {
    environment: { kind: 'image', dockerfile },
    variables: new Map(),
    calls: build.calls,
    files: build.files,
    marks: build.marks,
  };
}

function lineIn({ folder, entry }: Source, text: string): number {
  const all = Buffer.from(folder.files.get(entry) ?? []).toString('utf8');
  const at = all.indexOf(text.split('\n')[0]!);
  return at < 0 ? 1 : all.slice(0, at).split('\n').length;
}

function pythonNote({ python, source }: Build): void {
  if (python === null) return;
  const { ledger, entry, anchor } = source;
  ledger.note('F303', 'CHECK', {
    source: { file: entry, line: lineIn(source, python) },
    text: `python_version ${python}`,
    reason: `The image had Python ${python}; fal uses the Python that you deploy with.`,
    next: `Deploy with Python ${python}, or set python_version.`,
    anchor: { file: entry, text: anchor },
  });
}

const noted = new WeakMap<Ledger, Set<string>>();

/** One item for each call of a chain, however many apps share it. */
function item(build: Build, outcome: 'mapped' | 'reported'): true {
  const { step, source } = build;
  const name = methodNode(step);
  const line = name.startPosition.row + 1;
  const seen = noted.get(source.ledger) ?? new Set<string>();
  noted.set(source.ledger, seen);
  const key = `${step.file}:${name.startIndex}`;
  if (seen.has(key)) return true;
  seen.add(key);
  source.ledger.item('option', { file: step.file, line }, `.${step.method}(…)`, outcome);
  return true;
}

function methodNode(step: ImageStep): SyntaxNode {
  const callee = step.node.childForFieldName('function')!;
  return callee.childForFieldName('attribute') ?? callee;
}

const place = ({ step }: Build) => ({ file: step.file, line: methodNode(step).startPosition.row + 1 });

function check(build: Build, code: string, level: 'OK' | 'CHECK', reason: string, next?: string): true {
  const { source, step } = build;
  source.ledger.note(code, level, {
    source: place(build),
    text: `.${step.method}(…)`,
    reason,
    ...(next === undefined ? {} : { next }),
    anchor: { file: source.entry, text: source.anchor },
  });
  return item(build, 'reported');
}

function leave(build: Build, code: string, reason: string, next: string): true {
  const { source, step } = build;
  const text = `.${step.method}(${step.given.positional[0]?.text.split('\n')[0] ?? '…'})`;
  build.marks.push(`# TODO(fal-import): ${code} ${text}`);
  source.ledger.note(code, 'TODO', {
    source: place(build),
    text,
    reason,
    next,
    anchor: { file: source.entry, text: `TODO(fal-import): ${code} ${text}` },
  });
  return item(build, 'reported');
}

/** All positional arguments as a flat list of strings; null when one cannot be read. */
function words(build: Build, nodes: readonly SyntaxNode[] = build.step.given.positional): string[] | null {
  const { lookup } = build.source.reader;
  const found: string[] = [];
  const take = (value: Literal | undefined): boolean => {
    if (Array.isArray(value)) return value.every(take);
    if (typeof value !== 'string') return false;
    found.push(value);
    return true;
  };
  for (const node of nodes) if (!take(fold(node, lookup))) return null;
  for (const splat of build.step.given.splats) {
    if (splat.type !== 'list_splat' || !take(fold(splat.namedChildren[0] ?? null, lookup))) return null;
  }
  return found;
}

const folded = (build: Build, name: string, position: number | null): Literal | undefined =>
  fold(argument(build.step.given, name, position), build.source.reader.lookup);

const APT_CLEAN = '&& rm -rf /var/lib/apt/lists/*';
const quoted = (word: string): string =>
  /^[\w.,:/=@+~-]+$/.test(word) ? word : `"${word.replaceAll(/(["$`\\])/g, '\\$1')}"`;

function applyStep(build: Build): true {
  const { step, lines } = build;
  switch (step.method) {
    case 'debian_slim': {
      const version = folded(build, 'python_version', 0);
      build.python = typeof version === 'string' ? version : null;
      lines.push(`FROM python:${build.python ?? '3.11'}-slim-bookworm`);
      return item(build, 'mapped');
    }
    case 'from_registry':
    case 'from_dockerhub':
    case 'from_aws_ecr':
    case 'from_gcp_artifact_registry':
      return fromRegistry(build);
    case 'from_dockerfile':
      return fromDockerfile(build);
    case 'micromamba':
    case 'conda': {
      build.needsImage = true;
      const version = folded(build, 'python_version', 0) ?? '3.11';
      lines.push(
        'FROM mambaorg/micromamba',
        'USER root',
        `RUN micromamba install -y -n base -c conda-forge python=${String(version)} pip && micromamba clean -ay`,
        'ENV PATH=/opt/conda/bin:$PATH',
      );
      return check(build, 'F304', 'CHECK', 'The image is mambaorg/micromamba with this Python.');
    }
    case 'pip_install':
    case 'uv_pip_install':
      return pipInstall(build);
    case 'pip_install_from_requirements':
      return fromRequirements(build);
    case 'apt_install': {
      build.needsImage = true;
      const names = words(build);
      if (!names) return leave(build, 'F302', 'The packages cannot be read.', 'Add them to the Dockerfile.');
      lines.push(
        `RUN apt-get update && apt-get install -y --no-install-recommends ${names.map(quoted).join(' ')} ${APT_CLEAN}`,
      );
      return item(build, 'mapped');
    }
    case 'run_commands': {
      build.needsImage = true;
      const commands = words(build);
      if (!commands) return leave(build, 'F302', 'The commands cannot be read.', 'Add them to the Dockerfile.');
      for (const command of commands) {
        const text = command.trim();
        lines.push(/[^\\]\n/.test(text) ? `RUN <<'END'\n${text}\nEND` : `RUN ${text}`);
      }
      return item(build, 'mapped');
    }
    case 'dockerfile_commands': {
      build.needsImage = true;
      const commands = words(build);
      if (!commands) return leave(build, 'F302', 'The commands cannot be read.', 'Add them to the Dockerfile.');
      lines.push(...commands.flatMap((command) => command.split('\n')));
      for (const command of commands) copiesOf(build, command);
      return check(
        build,
        'F305',
        'CHECK',
        'COPY takes files from the folder of the Dockerfile.',
        'Put what it copies there.',
      );
    }
    case 'env': {
      const given = fold(step.given.positional[0] ?? step.given.keywords[0]?.value ?? null, build.source.reader.lookup);
      const pairs = environmentPairs(build);
      if (!pairs)
        return leave(build, 'F302', 'The variables cannot be read.', 'Set them in setup(), or in the Dockerfile.');
      for (const [name, value] of pairs) {
        const text = build.source.moved(value);
        build.variables.set(name, pythonString(text));
        lines.push(`ENV ${name}=${JSON.stringify(text)}`);
      }
      return given === undefined
        ? check(
            build,
            'F306',
            'CHECK',
            'Variables whose values come from the environment are left out.',
            'Set them as secrets.',
          )
        : item(build, 'mapped');
    }
    case 'workdir': {
      const path = folded(build, 'path', 0);
      if (typeof path !== 'string') return leave(build, 'F302', 'The folder cannot be read.', 'Set WORKDIR.');
      build.needsImage = true;
      lines.push(`WORKDIR ${path}`);
      return item(build, 'mapped');
    }
    case 'entrypoint':
    case 'cmd':
    case 'shell':
      return check(build, 'F307', 'OK', 'fal starts its own process in the image.');
    case 'run_function':
      return runFunction(build);
    case 'micromamba_install':
    case 'conda_install': {
      build.needsImage = true;
      const names = words(build);
      const channels = folded(build, 'channels', null);
      if (!names) return leave(build, 'F302', 'The packages cannot be read.', 'Add them to the Dockerfile.');
      const from = Array.isArray(channels) ? channels.map((channel) => ` -c ${String(channel)}`).join('') : '';
      lines.push(`RUN micromamba install -y -n base${from} ${names.map(quoted).join(' ')} && micromamba clean -ay`);
      return item(build, 'mapped');
    }
    case 'add_local_file':
    case 'add_local_dir':
    case 'copy_local_file':
    case 'copy_local_dir':
      return addLocal(build);
    case 'add_local_python_source':
      return addModules(build);
    default:
      return leave(
        build,
        'F308',
        `${step.method} is not known here, or has no counterpart.`,
        'Do what it does in the Dockerfile.',
      );
  }
}

function environmentPairs(build: Build): [string, string][] | null {
  const { lookup } = build.source.reader;
  const first = build.step.given.positional[0] ?? build.step.given.keywords[0]?.value ?? null;
  const whole = fold(first, lookup);
  if (whole && typeof whole === 'object' && !Array.isArray(whole))
    return Object.entries(whole).map(([name, value]) => [name, String(value)]);
  const node = first?.type === 'identifier' ? lookup(first.text) : first;
  if (node?.type !== 'dictionary') return null;
  const found: [string, string][] = [];
  for (const pair of node.namedChildren) {
    const name = fold(pair.childForFieldName('key'), lookup);
    const value = fold(pair.childForFieldName('value'), lookup);
    if (typeof name === 'string' && value !== undefined) found.push([name, String(value)]);
  }
  return found;
}

function fromRegistry(build: Build): true {
  const { step, lines } = build;
  build.needsImage = true;
  const tag = folded(build, 'tag', 0);
  if (typeof tag !== 'string') {
    lines.push('FROM python:3.11-slim-bookworm');
    return leave(build, 'F302', 'The name of the image cannot be read.', 'Write it behind FROM in the Dockerfile.');
  }
  lines.push(`FROM ${tag}`);
  const setup = folded(build, 'setup_dockerfile_commands', null);
  if (Array.isArray(setup)) lines.push(...setup.map(String));
  const version = folded(build, 'add_python', null);
  if (typeof version === 'string') {
    lines.push(
      `RUN apt-get update && apt-get install -y --no-install-recommends curl ca-certificates ${APT_CLEAN}`,
      `RUN curl -LsSf https://astral.sh/uv/install.sh | env UV_INSTALL_DIR=/usr/local/bin sh && uv venv --seed --python ${version} /opt/python`,
      'ENV PATH=/opt/python/bin:$PATH',
    );
    return check(
      build,
      'F310',
      'CHECK',
      `add_python put Python ${version} into the image: the Dockerfile takes it from uv.`,
      `Deploy with Python ${version} too.`,
    );
  }
  if (argument(step.given, 'secret', null))
    return check(
      build,
      'F311',
      'CHECK',
      'The registry asks for a login.',
      'Give it to fal: ContainerImage has registries.',
    );
  return item(build, 'mapped');
}

function fromDockerfile(build: Build): true {
  const { source, lines } = build;
  build.needsImage = true;
  const path = folded(build, 'path', 0);
  const found = typeof path === 'string' ? localFile(source, path) : null;
  if (found === null) {
    lines.push('FROM python:3.11-slim-bookworm');
    return leave(
      build,
      'F312',
      `The Dockerfile ${typeof path === 'string' ? path : ''} is not in the folder.`,
      'Put its lines into Dockerfile.fal.',
    );
  }
  const text = Buffer.from(source.folder.files.get(found)!)
    .toString('utf8')
    .replaceAll('\r\n', '\n')
    .replace(/\n+$/, '');
  const all = text.split('\n');
  for (const instruction of readDockerfile(text)) {
    const at = { file: found, line: instruction.start };
    const starts = /^(CMD|ENTRYPOINT)$/.test(instruction.keyword);
    source.ledger.item('docker', at, instruction.text, starts ? 'reported' : 'mapped');
    if (!starts) continue;
    for (let line = instruction.start - 1; line < instruction.end; line++) all[line] = `# ${all[line]}`;
    source.ledger.note('F307', 'OK', {
      source: at,
      text: instruction.text,
      reason: 'fal starts its own process in the image.',
    });
  }
  lines.push(...all);
  for (const { keyword, args } of readDockerfile(text))
    if (/^(COPY|ADD)$/.test(keyword)) copiesOf(build, `${keyword} ${args}`);
  return item(build, 'mapped');
}

/** Takes along what a COPY takes from the folder. */
function copiesOf(build: Build, command: string): void {
  const match = /^(?:COPY|ADD)\s+(?!.*--from=)((?:--\S+\s+)*)(.*)$/i.exec(command.trim());
  for (const name of match?.[2]?.split(/\s+/).slice(0, -1) ?? []) takeAlong(build, name);
}

/** Copies a file or folder beside the app; null when it is not there, else its path as the app's folder sees it. */
function takeAlong(build: Build, given: string): string | null {
  const { source, files } = build;
  const home = folderOf(source.entry);
  const name = given.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  if (name === '' || name === '.' || name.startsWith('/') || name.startsWith('..')) return null;
  for (const base of [home, '']) {
    const path = join(base, name);
    const inside = [...source.folder.files.keys()].filter((file) => file === path || file.startsWith(`${path}/`));
    if (inside.length === 0) continue;
    for (const file of inside) {
      if (file === source.entry || files.some((other) => other.path === file)) continue;
      const target = base === home ? file : join(home, file);
      files.push({ path: target, origin: 'copied', content: source.folder.files.get(file)! });
      source.ledger.item('file', { file, line: 1 }, file, 'kept');
    }
    return name;
  }
  return null;
}

function localFile({ folder, entry }: Source, given: string): string | null {
  const name = given.replace(/^(\.\/)+/, '');
  return [join(folderOf(entry), name), name].find((path) => folder.files.has(path)) ?? null;
}

const INDEXES: [string, string][] = [
  ['index_url', '--index-url'],
  ['extra_index_url', '--extra-index-url'],
  ['find_links', '--find-links'],
];

function pipInstall(build: Build): true {
  const { step, lines, layers } = build;
  const packages = words(build);
  if (!packages)
    return leave(build, 'F302', 'The packages cannot be read.', 'Add them to requirements, or to the Dockerfile.');
  const options: string[] = [];
  for (const [name, flag] of INDEXES) {
    const value = folded(build, name, null);
    if (typeof value === 'string') options.push(flag, value);
  }
  if (folded(build, 'pre', null) === true) options.push('--pre');
  const more = folded(build, 'extra_options', null);
  if (typeof more === 'string' && more.trim() !== '') {
    build.needsImage = true;
    options.push(...more.trim().split(/\s+/));
  }
  const list = folded(build, 'requirements', null);
  for (const path of Array.isArray(list) ? list.map(String) : []) requirementsFile(build, path);
  layers.push([...options, ...packages]);
  const git = packages.some((spec) => /(^|@\s*)git\+/.test(spec));
  if (git) build.needsImage = true;
  if (packages.length > 0)
    lines.push(`RUN pip install --no-cache-dir ${[...options, ...packages].map(quoted).join(' ')}`);
  const pins = packages.filter(conflictsWithFal);
  if (pins.length > 0) {
    return check(
      build,
      'F402',
      'CHECK',
      `fal installs the pydantic and fastapi of whoever deploys; ${pins.join(', ')} does not go with them.`,
      'Loosen the pin, or run the old version in a process of its own.',
    );
  }
  const odd = step.given.keywords.filter(
    ({ name }) =>
      !/^(index_url|extra_index_url|find_links|pre|extra_options|requirements|gpu|force_build|uv_version|secrets|env|volumes)$/.test(
        name,
      ),
  );
  if (odd.length > 0)
    return check(build, 'F313', 'CHECK', `${odd.map(({ name }) => name).join(', ')} has no counterpart.`);
  return item(build, 'mapped');
}

function fromRequirements(build: Build): true {
  const path = folded(build, 'requirements_txt', 0);
  if (typeof path !== 'string' || !requirementsFile(build, path))
    return leave(
      build,
      'F314',
      'The requirements file is not in the folder.',
      'Write what it lists into requirements.',
    );
  return item(build, 'mapped');
}

function requirementsFile(build: Build, path: string): boolean {
  const { source, layers, lines } = build;
  const found = localFile(source, path);
  if (found === null) return false;
  const listed: string[] = [];
  for (const { line, text } of readRequirements(Buffer.from(source.folder.files.get(found)!).toString('utf8'))) {
    if (text === '') continue;
    const own = packageName(text) === 'modal';
    source.ledger.item('requirement', { file: found, line }, text, own ? 'reported' : 'mapped');
    if (own)
      source.ledger.note('F401', 'OK', {
        source: { file: found, line },
        text,
        reason: 'The modal package is not needed any more.',
      });
    else listed.push(...(text.startsWith('-') ? text.split(/[\s=]+(?=\S)/, 2) : [text]));
  }
  layers.push(listed);
  lines.push(`RUN pip install --no-cache-dir ${listed.map(quoted).join(' ')}`);
  return true;
}

function runFunction(build: Build): true {
  const { step, calls } = build;
  const [target] = step.given.positional;
  if (target?.type !== 'identifier')
    return leave(build, 'F315', 'A function ran while the image was built.', 'Call it at the start of setup().');
  const args = argument(step.given, 'args', null);
  const kwargs = argument(step.given, 'kwargs', null);
  const parts = [args ? `*${args.text}` : null, kwargs ? `**${kwargs.text}` : null].filter((part) => part !== null);
  calls.push(`${target.text}(${parts.join(', ').replaceAll(/\s*\n\s*/g, ' ')})`);
  return check(
    build,
    'F316',
    'CHECK',
    `${target.text} ran once, while the image was built; setup() calls it in each new runner.`,
    "Let it write under /data and do nothing when its files are there. Its GPU, secrets and volumes must be the app's.",
  );
}

function addLocal(build: Build): true {
  const { lines, step } = build;
  const local = folded(build, 'local_path', 0);
  const remote = folded(build, 'remote_path', 1);
  const into =
    typeof remote === 'string' ? remote : typeof local === 'string' ? `/root/${local.split('/').at(-1)}` : '/root';
  const name = typeof local === 'string' ? takeAlong(build, local) : null;
  if (name === null) {
    build.needsImage = true;
    const shown = typeof local === 'string' ? local : (step.given.positional[0]?.text.split('\n')[0] ?? '');
    lines.push(`# COPY ${shown} ${into}`);
    return leave(
      build,
      'F317',
      `${shown} is not in the folder that was imported.`,
      `Put it beside the Dockerfile and COPY it to ${into}.`,
    );
  }
  const folder = /dir$/.test(step.method);
  const target = !folder && into.endsWith('/') ? `${into}${name.split('/').at(-1)}` : into;
  lines.push(`COPY ${name} ${target}`);
  // Modal's code runs in /root, fal's where app_files are.
  if (target === `/root/${name}`) build.appFiles.add(name);
  else build.needsImage = true;
  return item(build, 'mapped');
}

function addModules(build: Build): true {
  const names = words(build);
  if (!names) return leave(build, 'F302', 'The modules cannot be read.', 'Add them to app_files.');
  const missing: string[] = [];
  for (const module of names) {
    const path = module.replaceAll('.', '/');
    const found = takeAlong(build, `${path}.py`) ?? takeAlong(build, path);
    if (found === null) missing.push(module);
    else {
      build.lines.push(`COPY ${found} /root/${found}`);
      build.appFiles.add(found.split('/')[0]!);
    }
  }
  if (missing.length > 0)
    return leave(
      build,
      'F317',
      `${missing.join(', ')} is not in the folder that was imported.`,
      'Put it beside the app and into app_files.',
    );
  return item(build, 'mapped');
}

import { isSecretName } from '../environment-names.ts';
import { type FilesSource, filesBeside } from '../files-beside.ts';
import type { Ledger } from '../ledger.ts';
import type { ImportedFile } from '../platform.ts';
import { pythonString } from '../python-text.ts';
import { mark } from '../report.ts';
import { conflictsWithFal, readRequirements, requirementItems } from '../requirements.ts';
import { folderOf, join } from '../siblings.ts';
import type { Environment } from '../source-app.ts';
import type { CogConfig } from './cog-config.ts';

export interface CogEnvironment {
  environment: Environment;
  files: ImportedFile[];
  /** First lines of `setup`, without indentation. */
  setup: string[];
  /** Text of the written Dockerfile by its path, for the report. */
  texts: Map<string, string>;
}

// Where Cog puts the model in its image.
const HOME = '/src';

// Tags of nvidia/cuda by the version that cog.yaml names; the newest patch of each, with cuDNN and compiler.
const CUDA: Record<string, string> = {
  '11.6': '11.6.2-cudnn8-devel-ubuntu20.04',
  '11.7': '11.7.1-cudnn8-devel-ubuntu22.04',
  '11.8': '11.8.0-cudnn8-devel-ubuntu22.04',
  '12.0': '12.0.1-cudnn8-devel-ubuntu22.04',
  '12.1': '12.1.1-cudnn8-devel-ubuntu22.04',
  '12.2': '12.2.2-cudnn8-devel-ubuntu22.04',
  '12.3': '12.3.2-cudnn9-devel-ubuntu22.04',
  '12.4': '12.4.1-cudnn-devel-ubuntu22.04',
  '12.5': '12.5.1-cudnn-devel-ubuntu22.04',
  '12.6': '12.6.3-cudnn-devel-ubuntu22.04',
  '12.8': '12.8.1-cudnn-devel-ubuntu22.04',
  '12.9': '12.9.1-cudnn-devel-ubuntu22.04',
};

/** Packages, image and files of a model, from its `cog.yaml`. `base`: folder of that file. */
export function planCogEnvironment(
  config: CogConfig,
  configPath: string | null,
  source: FilesSource,
  ledger: Ledger,
): CogEnvironment {
  const { folder, entry } = source;
  const base = folderOf(configPath ?? entry);
  const packages = packageList(config, configPath, base, source, ledger);
  const image = config.cuda !== null || config.systemPackages.length > 0 || config.run.length > 0;
  const secret = Object.keys(config.environment).find(isSecretName);
  if (secret !== undefined) {
    ledger.note('F911', 'CHECK', {
      source: { file: configPath!, line: lineOf(config, 'environment') },
      text: secret,
      reason: `${secret} has a value in cog.yaml: it is not taken along.`,
      next: `fal secrets set ${secret}=…`,
    });
  }
  const variables = Object.entries(config.environment).filter(([name]) => !isSecretName(name));
  if (!image) {
    const { appFiles, files } = filesBeside(source);
    return {
      environment: { kind: 'requirements', layers: [packages], appFiles: appFiles.sort(), variables: {} },
      files,
      setup: variables.map(([name, value]) => `os.environ.setdefault(${pythonString(name)}, ${pythonString(value)})`),
      texts: new Map(),
    };
  }
  const path = join(base, 'Dockerfile.fal');
  const text = dockerfile(config, packages, variables, path, configPath!, ledger);
  const files: ImportedFile[] = [{ path, origin: 'written', content: Buffer.from(text) }];
  for (const [name, content] of folder.files) {
    const inside = base === '' || name.startsWith(`${base}/`);
    const own = name === entry || name === configPath || source.taken.has(name) || name === path;
    if (inside && !own && !/(^|\/)(\.git|__pycache__|\.cog)\//.test(name))
      files.push({ path: name, origin: 'copied', content });
  }
  for (const name of folder.unread) {
    ledger.note('F912', 'CHECK', {
      source: { file: name, line: 1 },
      text: name,
      reason: `${name} is too large to be taken along.`,
      next: 'Copy it beside Dockerfile.fal, or load it from /data.',
    });
  }
  const levels = folderOf(entry.slice(base === '' ? 0 : base.length + 1))
    .split('/')
    .filter((part) => part !== '').length;
  return {
    environment: { kind: 'image', dockerfile: `${'../'.repeat(levels)}Dockerfile.fal` },
    files,
    setup: [`os.chdir(${pythonString(HOME)})`, `sys.path.insert(0, ${pythonString(HOME)})`],
    texts: new Map([[path, text]]),
  };
}

const lineOf = (config: CogConfig, key: string): number =>
  config.settings.find((setting) => setting.key.split('.').at(-1) === key)?.line ?? 1;

/** The packages in order, as fal's list takes them. Cog's own package is not needed. */
function packageList(
  config: CogConfig,
  configPath: string | null,
  base: string,
  { folder }: FilesSource,
  ledger: Ledger,
): string[] {
  const entries = config.packages.map(({ text, line }) => ({ text, place: { file: configPath!, line } }));
  if (config.requirements !== null) {
    const path = join(base, config.requirements.replace(/^\.\//, ''));
    const bytes = folder.files.get(path);
    if (bytes) {
      for (const { line, text } of readRequirements(Buffer.from(bytes).toString('utf8'))) {
        if (text !== '') entries.push({ text, place: { file: path, line } });
      }
    } else {
      ledger.note('F913', 'CHECK', {
        source: { file: configPath!, line: lineOf(config, 'python_requirements') },
        text: config.requirements,
        reason: `${config.requirements} is not in the folder: none of its packages is taken over.`,
        next: 'List them in requirements, or in the Dockerfile.',
      });
    }
  }
  return entries.flatMap(({ text, place }) => {
    const own = /^(cog|coglet)\b/.test(text);
    const conflict = conflictsWithFal(text);
    ledger.item('requirement', place, text, own || conflict ? 'reported' : 'mapped');
    if (own) ledger.note('F401', 'OK', { source: place, text, reason: 'The cog package is not needed any more.' });
    if (conflict) {
      ledger.note('F402', 'CHECK', {
        source: place,
        text,
        reason: 'fal installs the pydantic and fastapi of whoever deploys; this pin does not go with them.',
        next: 'Loosen the pin, or run the old version in a process of its own.',
      });
    }
    return own ? [] : requirementItems(text);
  });
}

function dockerfile(
  config: CogConfig,
  packages: readonly string[],
  variables: readonly (readonly [string, string])[],
  path: string,
  configPath: string,
  ledger: Ledger,
): string {
  const python = /^\d+\.\d+/.exec(config.pythonVersion ?? '')?.[0] ?? '3.11';
  const lines: string[] = [];
  const apt = (names: readonly string[]): string[] => [
    'RUN apt-get update && apt-get install -y --no-install-recommends \\',
    ...names.map((name) => `        ${name} \\`),
    '    && rm -rf /var/lib/apt/lists/*',
  ];
  const system = [...new Set(['curl', 'git', ...config.systemPackages])];
  if (config.cuda === null) {
    lines.push(`FROM python:${python}-slim-bookworm`, '', ...apt(system), '');
  } else {
    const version = /^\d+\.\d+/.exec(config.cuda)?.[0] ?? config.cuda;
    const tag = CUDA[version] ?? `${config.cuda}-cudnn-devel-ubuntu22.04`;
    lines.push(
      `FROM nvidia/cuda:${tag}`,
      '',
      'ENV DEBIAN_FRONTEND=noninteractive',
      ...apt([...new Set(['ca-certificates', ...system])]),
      '',
      `# Python ${python}, where every command below finds it.`,
      'RUN curl -LsSf https://astral.sh/uv/install.sh | env UV_INSTALL_DIR=/usr/local/bin sh \\',
      `    && uv venv --seed --python ${python} /opt/venv`,
      'ENV PATH=/opt/venv/bin:$PATH',
      '',
    );
    ledger.note('F914', 'CHECK', {
      source: { file: configPath, line: lineOf(config, 'cuda') },
      text: `cuda: ${config.cuda}`,
      reason: `The image starts from nvidia/cuda:${tag} with Python ${python} from uv; Cog had a base image of its own.`,
      next: 'Build it once; a newer CUDA may be had by changing the tag.',
      anchor: { file: path, text: 'FROM nvidia/cuda' },
    });
  }
  for (const [name, value] of variables) lines.push(`ENV ${name}=${JSON.stringify(value)}`);
  if (packages.length > 0) {
    lines.push('RUN pip install --no-cache-dir \\');
    const quoted = packages.map((name) => (/^[\w.=-]+$/.test(name) ? name : `'${name}'`));
    // An option and its value are two entries of fal's list and one argument here.
    lines.push(...quoted.map((name, at) => `        ${name}${at === quoted.length - 1 ? '' : ' \\'}`), '');
  }
  lines.push(`WORKDIR ${HOME}`);
  for (const { command, line, mounts } of config.run) {
    if (!mounts) {
      lines.push(`RUN ${command.replace(/\n+$/, '').replace(/\n/g, ' \\\n    ')}`);
      continue;
    }
    ledger.note('F915', 'TODO', {
      source: { file: configPath, line },
      text: command,
      reason: 'The command wants secrets of the build, which are mounted.',
      next: 'Give the secret to ContainerImage with secrets=, and mount it with --mount=type=secret.',
      anchor: { file: path, text: `${mark('F915')} this` },
    });
    lines.push(
      `# ${mark('F915')} this command had mounts.`,
      `RUN ${command.replace(/\n+$/, '').replace(/\n/g, ' \\\n    ')}`,
    );
  }
  lines.push('', 'COPY . .', '', '# fal starts the app itself, in this Python.', 'RUN pip install --no-cache-dir fal');
  ledger.note('F916', 'CHECK', {
    source: { file: configPath, line: 1 },
    text: configPath,
    reason: `The image is built from Dockerfile.fal, with Python ${python}: deploy with the same minor version.`,
    next: `See \`python --version\` before you deploy; it must say ${python}.`,
    anchor: { file: path, text: 'pip install --no-cache-dir fal' },
  });
  return `${lines.join('\n')}\n`;
}

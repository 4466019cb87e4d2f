import { filesBeside } from '../files-beside.ts';
import type { Ledger } from '../ledger.ts';
import type { ImportedFile, SourceFolder } from '../platform.ts';
import { folderOf, join } from '../siblings.ts';
import type { Environment } from '../source-app.ts';

// The oldest that flash takes and fal's own images have; the app is pickled, so it must be that of whoever deploys.
const PYTHON = '3.12';
const HOME = '/app';

export interface FlashSource {
  folder: SourceFolder;
  entry: string;
  siblings: readonly string[];
  literals: ReadonlySet<string>;
  requirements: readonly string[];
  /** Packages of `system_dependencies`, and the line that they stand in; null when there are none. */
  system: { packages: readonly string[]; line: number } | null;
}

/** Packages and files of flash endpoints: requirements, or an image where system packages are asked for. */
export function flashEnvironment(
  { folder, entry, siblings, literals, requirements, system }: FlashSource,
  ledger: Ledger,
): { environment: Environment; files: ImportedFile[]; texts: Map<string, string>; setup: string[] } {
  const { appFiles, files } = filesBeside({ folder, entry, siblings, taken: new Set(), literals });
  const beside = files.filter(({ path }) => path !== entry);
  if (!system)
    return {
      environment: { kind: 'requirements', layers: [[...requirements]], appFiles, variables: {} },
      files: beside,
      texts: new Map(),
      setup: [],
    };
  const path = join(folderOf(entry), 'Dockerfile.fal');
  const lines = [
    `FROM python:${PYTHON}-slim-bookworm`,
    `RUN apt-get update && apt-get install -y --no-install-recommends ${['curl', ...system.packages.filter((name) => name !== 'curl')].join(' ')} && rm -rf /var/lib/apt/lists/*`,
    ...(requirements.length > 0 ? [`RUN pip install --no-cache-dir ${requirements.map(shellWord).join(' ')}`] : []),
    ...(appFiles.length > 0 ? [`WORKDIR ${HOME}`, ...appFiles.map((name) => `COPY ${name} ${HOME}/${name}`)] : []),
    '# fal starts the app itself, in this Python.',
    'RUN pip install --no-cache-dir fal',
  ];
  const text = `${lines.join('\n')}\n`;
  ledger.note('F129', 'CHECK', {
    source: { file: entry, line: system.line },
    text: `system_dependencies=[${system.packages.join(', ')}]`,
    reason: `System packages need an image: ${path} installs them and the dependencies, on Python ${PYTHON}.`,
    next: 'Deploy with the same minor version of Python, or write yours behind FROM.',
    anchor: { file: path, text: 'apt-get install' },
  });
  return {
    environment: { kind: 'image', dockerfile: 'Dockerfile.fal' },
    files: [...beside, { path, origin: 'written', content: Buffer.from(text) }],
    texts: new Map([[path, text]]),
    setup: appFiles.length > 0 ? [`sys.path.insert(0, "${HOME}")`] : [],
  };
}

/** A requirement as one word of a shell: `torch>=2` would be a redirection. */
function shellWord(text: string): string {
  return /^[\w.=+@:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

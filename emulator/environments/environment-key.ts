import { createHash } from 'node:crypto';
import type { PythonInfo } from './probe-python.ts';
import { hashInputs, type LayerArguments } from './requirement-arguments.ts';

// Raised when the way environments are built changes: old ones are then left for `clean`.
const FORMAT = 1;

// Settings that change which packages are installed, of pip (any name) and uv (variables).
const PIP_SETTINGS = [
  'index-url',
  'extra-index-url',
  'find-links',
  'no-index',
  'constraint',
  'pre',
  'only-binary',
  'no-binary',
];
const UV_SETTINGS =
  /^UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CONSTRAINT|OVERRIDE|PRERELEASE|RESOLUTION|EXCLUDE_NEWER|TORCH_BACKEND|INDEX_STRATEGY|NO_BINARY|ONLY_BINARY)$/;

export interface KeyInput {
  python: PythonInfo;
  /** As the author and the SDK wrote them, before secrets are filled in. */
  layers: readonly (readonly string[])[];
  arguments: readonly LayerArguments[];
  contextDir: string;
  pip: ReadonlyMap<string, string>;
  env: NodeJS.ProcessEnv;
}

/** Name of the environment's folder: equal for equal content. 32 hex digits. */
export function environmentKey(input: KeyInput): string {
  const inputs = input.arguments.flatMap((layer) => layer.inputs);
  const index = [
    ...PIP_SETTINGS.map((name) => [name, input.pip.get(name) ?? null]),
    ...Object.entries(input.env)
      .filter(([name]) => UV_SETTINGS.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  const content = JSON.stringify({
    format: FORMAT,
    platform: `${process.platform}-${process.arch}`,
    python: [input.python.executable, input.python.version, input.python.arch],
    layers: input.layers,
    // A relative path means something else elsewhere.
    local: inputs.length > 0 ? [input.contextDir, hashInputs(inputs)] : null,
    index,
  });
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

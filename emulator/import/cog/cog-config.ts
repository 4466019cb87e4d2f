import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

/** `file.py:Name` of `predict`, `run` or `train`. */
export interface CogTarget {
  file: string;
  symbol: string;
  line: number;
}

/** A key of the file that is accounted for in the report; `key` is dotted, as `build.gpu`. */
export interface CogSetting {
  key: string;
  text: string;
  line: number;
}

export interface CogConfig {
  predict: CogTarget | null;
  train: CogTarget | null;
  gpu: boolean | null;
  cuda: string | null;
  pythonVersion: string | null;
  packages: { text: string; line: number }[];
  requirements: string | null;
  systemPackages: string[];
  /** Commands of `run` and, before them, `pre_install`; `mounts` when a command wants files of the build. */
  run: { command: string; line: number; mounts: boolean }[];
  environment: Record<string, string>;
  concurrency: number | null;
  image: string | null;
  settings: CogSetting[];
}

/** What a model without a `cog.yaml` has. */
export const NO_CONFIG: CogConfig = {
  predict: null,
  train: null,
  gpu: null,
  cuda: null,
  pythonVersion: null,
  packages: [],
  requirements: null,
  systemPackages: [],
  run: [],
  environment: {},
  concurrency: null,
  image: null,
  settings: [],
};

/** Reads a `cog.yaml`; a string says why it cannot be. Keys in any order, unknown ones too, are in `settings`. */
export function readCogConfig(source: string): CogConfig | string {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, uniqueKeys: false });
  const broken = document.errors[0];
  if (broken) return `line ${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n', 1)[0]}`;
  const top = document.contents;
  if (!isMap(top)) return 'it is no map of settings';
  const lineOf = (node: unknown): number => {
    const range = (node as Node | null)?.range;
    return range ? lines.linePos(range[0]).line : 1;
  };
  const config: CogConfig = { ...NO_CONFIG, packages: [], systemPackages: [], run: [], environment: {}, settings: [] };
  for (const { key, value } of top.items) {
    const name = text(key);
    if (name === 'build' && isMap(value)) {
      for (const pair of value.items) readBuild(config, text(pair.key), pair.key, pair.value, lineOf);
      continue;
    }
    record(config, name, key, value, lineOf);
    if (name === 'predict' || name === 'run') config.predict ??= target(value, lineOf(key));
    if (name === 'train') config.train = target(value, lineOf(key));
    if (name === 'image') config.image = text(value);
    if (name === 'concurrency' && isMap(value)) {
      const max = Number(text(value.get('max', true)));
      if (Number.isInteger(max) && max > 0) config.concurrency = max;
    }
    if (name === 'environment') Object.assign(config.environment, variables(value));
  }
  return config;
}

function readBuild(config: CogConfig, name: string, key: unknown, value: unknown, lineOf: (node: unknown) => number) {
  record(config, `build.${name}`, key, value, lineOf);
  const items = isSeq(value) ? value.items : [];
  switch (name) {
    case 'gpu':
      config.gpu = text(value) === 'true';
      return;
    case 'cuda':
      config.cuda = text(value);
      return;
    case 'python_version':
      config.pythonVersion = text(value);
      return;
    case 'python_packages':
      config.packages.push(...items.map((item) => ({ text: text(item), line: lineOf(item) })));
      return;
    case 'python_requirements':
      config.requirements = text(value);
      return;
    case 'system_packages':
      config.systemPackages.push(...items.map(text));
      return;
    case 'environment':
      Object.assign(config.environment, variables(value));
      return;
    case 'run':
    case 'pre_install': {
      const commands = items.map((item) => {
        const command = isMap(item) ? text(item.get('command', true)) : text(item);
        return { command, line: lineOf(item), mounts: isMap(item) && item.has('mounts') };
      });
      if (name === 'run') config.run.push(...commands);
      else config.run.unshift(...commands);
    }
  }
}

function record(config: CogConfig, key: string, node: unknown, value: unknown, lineOf: (node: unknown) => number) {
  const shown = isScalar(value) ? text(value) : isSeq(value) ? `${value.items.length} entries` : '…';
  config.settings.push({ key, text: `${key.split('.').at(-1)}: ${shown}`, line: lineOf(node) });
}

/** The scalar as it is written: `3.10` is no number. */
function text(node: unknown): string {
  if (!isScalar(node)) return '';
  return node.type === 'PLAIN' && typeof node.source === 'string' ? node.source.trim() : String(node.value ?? '');
}

function target(node: unknown, line: number): CogTarget | null {
  const match = /^\s*(?:\.\/)?(\S+\.py)\s*:\s*(\w+)\s*$/.exec(text(node));
  return match ? { file: match[1]!, symbol: match[2]!, line } : null;
}

/** `NAME=value` entries, or a map. */
function variables(node: unknown): Record<string, string> {
  if (isMap(node)) return Object.fromEntries(node.items.map((pair) => [text(pair.key), text(pair.value)]));
  const pairs = isSeq(node) ? node.items.map((item) => /^(\w+)=([\s\S]*)$/.exec(text(item))) : [];
  return Object.fromEntries(pairs.flatMap((match) => (match ? [[match[1]!, match[2]!]] : [])));
}

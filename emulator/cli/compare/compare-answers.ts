import { alignLines } from '../side-by-side.ts';
import type { Answer, FileContent } from './answer.ts';

export interface Difference {
  /** `images[0].width`; empty for the whole. */
  path: string;
  local: unknown;
  remote: unknown;
}

export interface Comparison {
  /** Status and output are the same. */
  equal: boolean;
  output: Difference[];
  /** Log lines that only one side has, as they are. */
  logs: { local: string[]; remote: string[] };
}

export interface CompareOptions {
  /** Keys that are left out wherever they stand, or paths from the top. */
  ignore: readonly string[];
  /** How far two numbers may be apart, relative to the larger one. */
  tolerance: number;
}

/** Two answers to the same request: what differs of their output, files by what they hold, and of their logs. */
export function compareAnswers(local: Answer, remote: Answer, options: CompareOptions): Comparison {
  const output: Difference[] = [];
  if (local.status !== remote.status) output.push({ path: 'status', local: local.status, remote: remote.status });
  const sides: Sides = { local: local.files, remote: remote.files, options };
  output.push(...differences(local.body, remote.body, '', sides));
  const pairs = alignLines(local.logs, remote.logs).filter(({ left, right }) => left !== right);
  return {
    equal: output.length === 0,
    output,
    logs: {
      local: pairs.flatMap(({ left }) => (left === null ? [] : [left])),
      remote: pairs.flatMap(({ right }) => (right === null ? [] : [right])),
    },
  };
}

interface Sides {
  local: Readonly<Record<string, FileContent>>;
  remote: Readonly<Record<string, FileContent>>;
  options: CompareOptions;
}

function differences(a: unknown, b: unknown, path: string, sides: Sides): Difference[] {
  if (Array.isArray(a) && Array.isArray(b)) {
    const length = Math.max(a.length, b.length);
    return Array.from({ length }, (_, i) => differences(a[i], b[i], `${path}[${i}]`, sides)).flat();
  }
  if (isRecord(a) && isRecord(b)) {
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return names.flatMap((name) => {
      const below = path === '' ? name : `${path}.${name}`;
      if (sides.options.ignore.some((one) => one === name || one === below)) return [];
      // Both sides name a stored file as they please.
      if (name === 'file_name' && isFile(a) && isFile(b)) return [];
      return differences(a[name], b[name], below, sides);
    });
  }
  return same(a, b, sides) ? [] : [{ path, local: shown(a, sides.local), remote: shown(b, sides.remote) }];
}

function same(a: unknown, b: unknown, { local, remote, options }: Sides): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    return a === b || Math.abs(a - b) <= options.tolerance * Math.max(Math.abs(a), Math.abs(b));
  }
  if (typeof a === 'string' && typeof b === 'string') {
    const [left, right] = [local[a], remote[b]];
    if (left && right) return 'sha256' in left && 'sha256' in right && left.sha256 === right.sha256;
  }
  return a === b;
}

/** A file as it shows in a difference: its URL says nothing. */
function shown(value: unknown, files: Readonly<Record<string, FileContent>>): unknown {
  const file = typeof value === 'string' ? files[value] : undefined;
  if (file === undefined) return value;
  return 'sha256' in file ? `a file of ${file.bytes} bytes, sha256 ${file.sha256.slice(0, 12)}` : file.error;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFile = (value: Record<string, unknown>): boolean => typeof value.url === 'string';

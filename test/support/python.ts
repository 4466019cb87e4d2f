import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const MAKE_VENV = path.join(import.meta.dirname, 'make_venv.py');
// The first that is 3.10 or newer and can make virtual environments.
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', '/usr/bin/python3'];

let found: Promise<string> | undefined;

/**
 * Absolute path of a Python with the pinned fal, fal-client, pillow, uv, … of requirements.txt, in a virtual environment
 * that lives in the user's cache and is built on first use (about a minute). WINDTUNNEL_TEST_PYTHON names another.
 */
export function testPython(): Promise<string> {
  found ??= findOrMake();
  return found;
}

/** A Python ≥ 3.10 of this machine that can make virtual environments, with nothing of ours in it. */
export async function basePython(): Promise<string> {
  const reasons: string[] = [];
  for (const candidate of CANDIDATES) {
    try {
      const { stdout } = await execute(candidate, [
        '-c',
        'import sys, venv, ensurepip; assert sys.version_info >= (3, 10), sys.version; print(sys.executable)',
      ]);
      return stdout.trim();
    } catch (error) {
      reasons.push(
        `${candidate}: ${String(error instanceof Error ? error.message : error)
          .split('\n')
          .at(-2)}`,
      );
    }
  }
  throw new Error(`The tests need Python 3.10 or newer with its venv module. Tried:\n  ${reasons.join('\n  ')}`);
}

/** Python of a virtual environment of its own, with the pins of a requirements file; cached like that of the tests. */
export async function pythonWith(requirements: string): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  const args = [MAKE_VENV, path.join(cache, 'windtunnel-test'), requirements];
  const { stdout } = await execute(await basePython(), args, { timeout: 15 * 60_000 });
  return stdout.trim();
}

async function findOrMake(): Promise<string> {
  return process.env.WINDTUNNEL_TEST_PYTHON || (await pythonWith(path.join(import.meta.dirname, 'requirements.txt')));
}

// `node test/support/python.ts` prints the path, for shell scripts and to build the environment ahead of the suites.
if (process.argv[1] === import.meta.filename) process.stdout.write(`${await testPython()}\n`);

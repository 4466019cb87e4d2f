// Brings a fresh clone to where its scripts can run. Plain JavaScript for Node 20, importing nothing that must be installed.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The repository's folder, absolute. */
export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');

/**
 * Installs the npm packages where they are missing or differ from package-lock.json. Returns the Node to run the
 * project's own scripts with: 24 from npm, or the caller's when no binary is published for this platform.
 */
export async function bootstrap({ log = (line) => process.stderr.write(`${line}\n`) } = {}) {
  if (process.platform === 'win32') throw new Error('Windtunnel runs on Linux and macOS; on Windows, work inside WSL.');
  const stale = staleReason();
  if (stale) {
    log(`npm ci (${stale})`);
    // No package needs its install script: binaries come as optional packages, the grammars as wasm.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
    const still = staleReason();
    if (still) throw new Error(`npm ci left node_modules incomplete: ${still}`);
  }
  return devNode();
}

/** Why node_modules is not what package-lock.json says, or null when it is. */
export function staleReason() {
  const installedFile = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return 'node_modules is missing';
  const wanted = packagesOf(path.join(root, 'package-lock.json'));
  const installed = packagesOf(installedFile);
  for (const [name, { version, optional, devOptional }] of Object.entries(wanted)) {
    if (name === '') continue;
    // Optional packages of other platforms are in the lock and never installed.
    const skippable = optional === true || devOptional === true;
    if (installed[name] === undefined && skippable) continue;
    if (installed[name]?.version !== version) return `${name} is not ${version}`;
  }
  return null;
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

function devNode() {
  const reasons = [];
  for (const candidate of [path.join(root, 'node_modules/.bin/node'), process.execPath]) {
    try {
      const version = execFileSync(candidate, ['--version'], { encoding: 'utf8' }).trim();
      const [major, minor] = version.slice(1).split('.').map(Number);
      // From 22.18 on, Node runs TypeScript without a flag.
      if (major > 22 || (major === 22 && minor >= 18)) return candidate;
      reasons.push(`${candidate} is ${version}`);
    } catch (error) {
      reasons.push(`${candidate}: ${error.message.split('\n')[0]}`);
    }
  }
  throw new Error(
    `No Node of at least 22.18 for the project's scripts: ${reasons.join('; ')}. Install one and try again.`,
  );
}

/** Runs a program in the repository; rejects with its command line unless it exits 0. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}`));
    });
  });
}

/** Passes SIGTERM on to a child, and SIGINT where no terminal has sent it to the child already. */
export function passSignals(child) {
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
}

// Puts VS Code's own server (out of the npm package code-server) and a Node that fits it into a cache folder of the user.
// Nothing is compiled and no install script runs. `node install-server.ts` prints the folder.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Versions of code-server (its minor is VS Code's) and of the Node that runs it; the newest is the default. */
export const VSCODE_VERSIONS = {
  newest: { server: '4.139.1', node: '24.21.0' },
  /** The oldest that `engines.vscode` allows. */
  oldest: { server: '4.104.0', node: '22.23.3' },
} as const;
export type VsCodeVersion = keyof typeof VSCODE_VERSIONS;

// Older versions fetch ripgrep from the network, and have a terminal that is to be compiled; these bring what is needed in their packages.
const RIPGREP = '@vscode/ripgrep-universal@1.18.0';
const NODE_PTY = '1.2.0-beta.15';

/** SHA-512 of the packages, as the registry published them. */
const INTEGRITY: Record<string, string> = {
  'code-server@4.104.0':
    'sha512-wSo8KOqN/HnhAPkZ+aKviR61xx97KrYpvy9oomXhSwoM+1l5t8Mfuffx5or3Ew1PoJh2u2Y4fxIEi3Wn5++vfg==',
  'code-server@4.139.1':
    'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==',
};

// What no test of an extension needs: agents, ssh, Kerberos, Windows parts. They are most of the size.
const DROPPED = [
  '@github/copilot',
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@devcontainers/cli',
  'ssh2',
  'kerberos',
  '@vscode/sqlite3',
  '@vscode/sandbox-runtime',
  '@vscode/windows-process-tree',
  '@vscode/windows-registry',
  '@vscode/copilot-api',
  '@vscode/tree-sitter-wasm',
  'katex',
  'tas-client',
];
const DROPPED_EXTENSIONS = ['copilot', 'mermaid-markdown-features'];

// Native modules that would have to be compiled, replaced by small JavaScript ones: a watchdog, and a logger to a file.
const WATCHDOG = 'exports.start = () => undefined;\n';
const LOGGER = `const fs = require('node:fs');
const path = require('node:path');
const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
let all = 2;
class Logger {
  constructor(_name, file) { this.file = file; this.level = all; this.plain = false; fs.mkdirSync(path.dirname(file), { recursive: true }); }
  write(level, text) {
    if (level < this.level) return;
    fs.appendFileSync(this.file, this.plain ? text : '[' + new Date().toISOString() + '] [' + LEVELS[level] + '] ' + text + '\\n');
  }
  trace(text) { this.write(0, text); }
  debug(text) { this.write(1, text); }
  info(text) { this.write(2, text); }
  warn(text) { this.write(3, text); }
  error(text) { this.write(4, text); }
  critical(text) { this.write(5, text); }
  getLevel() { return this.level; }
  setLevel(level) { this.level = level; }
  setPattern() {}
  clearFormatters() { this.plain = true; }
  flush() {}
  drop() {}
}
const make = async (name, file) => new Logger(name, file);
exports.version = 0;
exports.setLevel = (level) => { all = level; };
exports.setFlushOn = () => undefined;
exports.shutdown = () => undefined;
exports.Logger = Logger;
exports.createRotatingLogger = make;
exports.createAsyncRotatingLogger = make;
`;

/** What was installed: the Node and the folder of VS Code's server. */
export interface InstalledServer {
  node: string;
  server: string;
}

/** A test that gives its editor a home of its own names, as VSCODE_TEST_CACHE, the cache that all share. */
export function serverCache(): string {
  const user = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return process.env.VSCODE_TEST_CACHE ?? path.join(user, 'windtunnel-test');
}

/** Installs VS Code's server unless it is there. Two that start at once do not harm each other. About 20 s, 355 MB. */
export async function installServer(version: VsCodeVersion = 'newest'): Promise<InstalledServer> {
  const wanted = VSCODE_VERSIONS[version];
  const cache = serverCache();
  // A changed recipe makes a new folder.
  const recipe = createHash('sha256')
    .update(await readFile(import.meta.filename))
    .digest('hex')
    .slice(0, 8);
  const home = path.join(cache, `vscode-${wanted.server}-node${wanted.node}-${process.arch}-${recipe}`);
  if (!existsSync(path.join(home, 'complete'))) await build(cache, home, wanted);
  return { node: path.join(home, 'node/bin/node'), server: path.join(home, 'code-server/lib/vscode') };
}

async function build(cache: string, home: string, wanted: { server: string; node: string }): Promise<void> {
  await mkdir(cache, { recursive: true });
  const stage = await mkdtemp(path.join(cache, 'vscode-stage-'));
  try {
    const code = path.join(stage, 'code-server');
    await unpack(`code-server@${wanted.server}`, code, stage, ['package/lib/vscode', 'package/package.json']);
    await unpack(`node-${process.platform}-${process.arch}@${wanted.node}`, path.join(stage, 'node'), stage, [
      'package/bin',
    ]);
    const server = path.join(code, 'lib/vscode');
    await trim(server);
    await npm(['install', '--omit=dev', '--ignore-scripts'], server);
    const ripgrep = path.join(server, 'node_modules/@vscode/ripgrep');
    if (existsSync(ripgrep)) {
      const place = `bin/${process.platform}-${process.arch}/rg`;
      await unpack(RIPGREP, ripgrep, stage, [`package/${place}`]);
      await rename(path.join(ripgrep, place), path.join(ripgrep, 'bin/rg'));
    }
    for (const name of DROPPED_EXTENSIONS) {
      await rm(path.join(server, 'extensions', name), { recursive: true, force: true });
    }
    for (const [name, source] of [
      ['@vscode/native-watchdog', WATCHDOG],
      ['native-watchdog', WATCHDOG],
      ['@vscode/spdlog', LOGGER],
    ] as const) {
      const folder = path.join(server, 'node_modules', name);
      if (existsSync(folder)) await writeFile(path.join(folder, 'index.js'), source);
    }
    await writeFile(path.join(stage, 'complete'), '');
    try {
      await rename(stage, home);
    } catch (error) {
      // Another process was first.
      if (!existsSync(path.join(home, 'complete'))) throw error;
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Takes what is not needed out of the server's own package.json, so that npm installs it without. */
async function trim(server: string): Promise<void> {
  const file = path.join(server, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string> | undefined>;
  for (const name of DROPPED) {
    delete manifest.dependencies?.[name];
    delete manifest.optionalDependencies?.[name];
  }
  if (manifest.dependencies?.['@vscode/ripgrep']) manifest.dependencies['node-pty'] = NODE_PTY;
  // They name packages that are dropped, which npm refuses; the shrinkwrap keeps the versions.
  delete manifest.overrides;
  await writeFile(file, JSON.stringify(manifest, null, 1));
}

async function unpack(spec: string, folder: string, stage: string, members: string[]): Promise<void> {
  const answer: unknown = JSON.parse(await npm(['pack', spec, '--json', '--pack-destination', stage], stage));
  const [packed] = Object.values(answer as Record<string, { filename: string }>);
  if (!packed) throw new Error(`npm pack ${spec} packed nothing`);
  const archive = path.join(stage, packed.filename);
  const digest = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  const known = INTEGRITY[spec];
  if (known !== undefined && known !== digest) throw new Error(`${spec}: its digest is ${digest}, not ${known}`);
  await mkdir(folder, { recursive: true });
  await execute('tar', ['xzf', archive, '-C', folder, '--strip-components=1', ...members]);
  await rm(archive);
}

async function npm(args: string[], cwd: string): Promise<string> {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const { stdout } = await execute('npm', [...args, ...quiet], { cwd, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

if (process.argv[1] === import.meta.filename) {
  const version = process.argv[2] === 'oldest' ? 'oldest' : 'newest';
  process.stdout.write(`${JSON.stringify(await installServer(version))}\n`);
}

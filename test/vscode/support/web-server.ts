import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { installServer, type VsCodeVersion } from './install-server.ts';

const START_MS = 120_000;
const STOP_MS = 5_000;

/** Settings under which nothing moves, pops up or calls out by itself. */
const QUIET_SETTINGS: Record<string, unknown> = {
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.commandCenter': false,
  'window.menuBarVisibility': 'classic',
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'chat.agent.enabled': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'remote.autoForwardPorts': false,
  'npm.fetchOnlinePackageInfo': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  'files.simpleDialog.enable': true,
  'debug.toolBarLocation': 'docked',
};

export interface ServerOptions {
  /** Absent: as WINDTUNNEL_TEST_VSCODE says, else the newest. */
  version?: VsCodeVersion;
  userDataDir?: string;
  extensionsDir?: string;
  /** Folders of extensions that count as installed. */
  install?: string[];
  settings?: Record<string, unknown>;
  env?: NodeJS.ProcessEnv;
  args?: string[];
  /** Lets the workbench run extension tests; it then shows no notifications. */
  testDriver?: boolean;
  /** Ask whether the folder is trusted, as a desktop does. */
  workspaceTrust?: boolean;
}

export interface OpenTarget {
  folder?: string;
  workspace?: string;
  payload?: [string, string][];
}

/** VS Code's own server: the real workbench and the real extension host, without Electron. */
export class VsCodeServer {
  readonly port: number;
  /** Removed at the end. */
  readonly folder: string;
  readonly process: ChildProcess;
  private readonly token: string;

  private constructor(port: number, folder: string, child: ChildProcess, token: string) {
    this.port = port;
    this.folder = folder;
    this.process = child;
    this.token = token;
  }

  static async start(options: ServerOptions = {}): Promise<VsCodeServer> {
    const { node, server } = await installServer(options.version ?? versionOfEnvironment());
    const folder = mkdtempSync(path.join(tmpdir(), 'vsc-'));
    const userDataDir = options.userDataDir ?? path.join(folder, 'user');
    const extensionsDir = options.extensionsDir ?? path.join(folder, 'extensions');
    mkdirSync(path.join(userDataDir, 'User'), { recursive: true });
    mkdirSync(extensionsDir, { recursive: true });
    for (const extension of options.install ?? []) link(extension, extensionsDir);
    const settings = path.join(userDataDir, 'User/settings.json');
    if (!existsSync(settings)) {
      writeFileSync(settings, JSON.stringify({ ...QUIET_SETTINGS, ...options.settings }, null, 2));
    }
    const own = (name: string) => {
      const made = path.join(folder, name);
      mkdirSync(made, { mode: 0o700 });
      return made;
    };
    const token = randomBytes(12).toString('hex');
    const args = [
      path.join(server, 'out/server-main.js'),
      ...['--host', '127.0.0.1', '--port', '0', '--connection-token', token],
      ...['--accept-server-license-terms', '--server-data-dir', path.join(folder, 'server')],
      ...['--user-data-dir', userDataDir, '--extensions-dir', extensionsDir],
      // The environment of a test, and not that of this user's login shell.
      '--force-disable-user-env',
      ...['--telemetry-level', 'off', '--disable-telemetry', '--disable-experiments'],
      ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']),
      ...(options.testDriver ? ['--enable-smoke-test-driver'] : []),
      ...(options.args ?? []),
    ];
    // With setpriv the server ends with this process, even if that is killed.
    const setpriv = '/usr/bin/setpriv';
    const [command, first] = existsSync(setpriv) ? [setpriv, ['--pdeathsig', 'TERM', '--', node]] : [node, []];
    const child = spawn(command, [...first, ...args], {
      // What it leaves behind stays in its own folder.
      env: { ...withoutEditor(process.env), TMPDIR: own('tmp'), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: the end of it ends the extension host, watchers and terminals too.
      detached: true,
    });
    try {
      const port = await listening(child, path.join(folder, 'server.log'));
      return new VsCodeServer(port, folder, child, token);
    } catch (error) {
      endGroup(child, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  uri(file: string): string {
    return `vscode-remote://127.0.0.1:${this.port}${encodeURI(path.resolve(file))}`;
  }

  url({ folder, workspace, payload = [] }: OpenTarget): string {
    const query = new URLSearchParams({ tkn: this.token });
    if (workspace !== undefined) query.set('workspace', path.resolve(workspace));
    else if (folder !== undefined) query.set('folder', path.resolve(folder));
    else query.set('ew', 'true');
    if (payload.length > 0) query.set('payload', JSON.stringify(payload));
    return `http://127.0.0.1:${this.port}/?${query}`;
  }

  /** Whether a process belongs to this server. */
  owns(pid: number): boolean {
    try {
      // The group's number, the third after the name, which may hold spaces.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === this.process.pid;
    } catch {
      // It has ended.
      return false;
    }
  }

  /** Processes of the extension hosts, one for each window; Linux only. */
  extensionHosts(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => this.owns(pid) && commandOf(pid).includes('--type=extensionHost'));
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise((resolve) => this.process.once('exit', resolve));
      endGroup(this.process, 'SIGTERM');
      const timer = setTimeout(() => endGroup(this.process, 'SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
    // What of the group is left.
    endGroup(this.process, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** The version that this run is about, by WINDTUNNEL_TEST_VSCODE. */
export function versionOfEnvironment(): VsCodeVersion {
  const named = process.env.WINDTUNNEL_TEST_VSCODE ?? 'newest';
  if (named === 'newest' || named === 'oldest') return named;
  throw new Error(`WINDTUNNEL_TEST_VSCODE is newest or oldest, not ${named}`);
}

/** Headless Chromium that reaches this machine only. */
export function launchBrowser(): Promise<Browser> {
  // It would leave a file of its own there.
  const { XDG_RUNTIME_DIR: _runtime, ...env } = process.env;
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    env,
    args: [
      // The browser has no sandbox of its own when it runs as root.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
    ],
  });
}

function listening(child: ChildProcess, logFile: string): Promise<number> {
  const log = createWriteStream(logFile);
  let printed = '';
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The VS Code server ${why}:\n${printed}`));
    const timer = setTimeout(() => fail(`did not listen within ${START_MS} ms`), START_MS);
    const take = (data: Buffer) => {
      log.write(data);
      printed = (printed + data.toString('utf8')).slice(-100_000);
      const port = /Extension host agent listening on (\d+)/.exec(printed)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** "Installed": a link of the name `publisher.name-version` in the folder of extensions. */
function link(extension: string, extensionsDir: string): void {
  const manifest = JSON.parse(readFileSync(path.join(extension, 'package.json'), 'utf8')) as Record<string, string>;
  const name = `${manifest.publisher}.${manifest.name}-${manifest.version}`;
  symlinkSync(path.resolve(extension), path.join(extensionsDir, name));
}

/** Variables of an editor that this itself may run in. */
function withoutEditor(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(VSCODE_(?!TEST)|ELECTRON_)/.test(name)));
}

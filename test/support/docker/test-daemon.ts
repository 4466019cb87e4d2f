import { type ChildProcess, type ChildProcessByStdio, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import http from 'node:http';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { leftProcesses } from '../../scripts/census.mjs';
import { gone } from '../emulator.ts';
import { podmanEnvironment } from './podman.ts';

const execute = promisify(execFile);
const MAKE_BASE = path.join(import.meta.dirname, 'make-base-image.sh');
/** The tags under which the base image stands in for the official ones, whatever Python the machine has. */
const BASE_TAGS = ['3.10', '3.11', '3.12', '3.13', '3.14'].flatMap((minor) => [
  `python:${minor}-slim`,
  `python:${minor}`,
]);

export interface TestDaemonOptions {
  /** Podman's service instead of Docker's daemon. */
  podman?: boolean;
  /** Folders before PATH of the daemon: where it looks for hooks. */
  path?: readonly string[];
  flags?: readonly string[];
  /** Size of a disk of its own, in MiB, in memory; absent: the machine's. */
  diskMebibytes?: number;
  /** Without it, no image is there. */
  base?: boolean;
}

/**
 * A Docker daemon, or Podman, of the test's own: real, in its own network namespace behind the machine's, with its own data. `dispose`
 * leaves no process, mount, interface or file. Root on Linux only.
 */
export class TestDaemon {
  readonly folder: string;
  readonly socket: string;
  /** Address of this machine as the daemon and its containers reach it. */
  readonly hostAddress: string;
  private readonly options: TestDaemonOptions;
  private readonly id = randomBytes(3).toString('hex');
  private readonly subnet: string;
  private child: ChildProcess | null = null;

  private constructor(folder: string, options: TestDaemonOptions) {
    this.folder = folder;
    this.options = options;
    this.socket = path.join(folder, 'docker.sock');
    const [a = 0, b = 0] = randomBytes(2);
    this.subnet = `10.${213 + (a % 8)}.${b}`;
    this.hostAddress = `${this.subnet}.1`;
  }

  static async start(options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(await mkdtemp(path.join(tmpdir(), 'wt-dk-')), options);
    try {
      await daemon.prepare();
      await daemon.up();
      if (options.base ?? true) await daemon.importBase();
    } catch (error) {
      await daemon.dispose();
      throw error;
    }
    return daemon;
  }

  /** What leads clients here. */
  get env(): { DOCKER_HOST: string } {
    return { DOCKER_HOST: `unix://${this.socket}` };
  }

  /** Where its published ports are reached. */
  get address(): string {
    return `${this.subnet}.2`;
  }

  private get namespace(): string {
    return `wt${this.id}`;
  }

  /** Starts the daemon, again after `stop` or `kill`; these flags come on top of its own. */
  async up(flags: readonly string[] = []): Promise<void> {
    const { folder, options } = this;
    const log = openSync(path.join(folder, 'log'), 'a');
    const { DOCKER_HOST: _host, ...env } = process.env;
    this.child = spawn(
      'nsenter',
      [
        `--net=/run/netns/${this.namespace}`,
        ...(options.podman ? ['podman', 'system', 'service', '--time=0', `unix://${this.socket}`] : this.dockerd()),
        ...(options.flags ?? []),
        ...flags,
      ],
      {
        // Podman's conmon leaves a file where it was started.
        cwd: folder,
        env: {
          ...env,
          ...(options.podman ? podmanEnvironment(folder) : {}),
          PATH: [...(options.path ?? []), process.env.PATH].join(path.delimiter),
          // Where containerd writes its stacks, when the daemon takes it for hung on a busy machine and starts another.
          TMPDIR: folder,
        },
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    for (let i = 0; i < 600; i++) {
      if (await this.answers()) return;
      if (this.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`The daemon did not come up:\n${readFileSync(path.join(folder, 'log'), 'utf8').slice(-2000)}`);
  }

  private dockerd(): string[] {
    const { folder } = this;
    return [
      'dockerd',
      ...['--data-root', path.join(folder, 'data'), '--exec-root', path.join(folder, 'exec')],
      ...['-H', `unix://${this.socket}`, '--pidfile', path.join(folder, 'pid'), '--mtu', String(mtu())],
    ];
  }

  /** SIGTERM, as `systemctl stop docker`. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** SIGKILL, as a crash: it takes its containerd along, and leaves the shims with their containers. */
  async kill(): Promise<void> {
    const containerd = Number(readFileSync(path.join(this.folder, 'exec/containerd/containerd.pid'), 'utf8'));
    await this.end('SIGKILL');
    // Started while that one still ends, the next would take it for its own, and wait for it in vain.
    await gone(containerd);
    // The steps of its builds go on without it, and nobody would ever end them.
    const orphans = this.inside().filter((pid) => parentOf(pid) === 1);
    await killAll(orphans);
  }

  /** Runs the docker command on it; what it prints. */
  async docker(...args: string[]): Promise<string> {
    const { stdout } = await execute('docker', args, {
      env: { ...process.env, ...this.env, DOCKER_CONFIG: this.folder },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  }

  /** Starts a program of this machine beside the daemon, in its network; the caller ends it. */
  spawnBeside(command: string, args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    return spawn('nsenter', [`--net=/run/netns/${this.namespace}`, command, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Ids of all containers, running or not. */
  async containers(): Promise<string[]> {
    return (await this.docker('ps', '-aq', '--no-trunc')).split('\n').filter(Boolean);
  }

  async inspect(container: string): Promise<Record<string, never>> {
    return JSON.parse(await this.docker('inspect', container))[0];
  }

  /** Swallows from here on what its containers, or it, send beyond its namespace, and counts that. */
  closeWayOut(): { packets(): number; open(): void } {
    const { namespace } = this;
    const iptables = (...args: string[]) =>
      execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'iptables', '-w', '-t', 'mangle', ...args], {
        encoding: 'utf8',
      });
    const rule = ['POSTROUTING', '-o', `${namespace}n`, '-j', 'DROP'];
    iptables('-I', ...rule);
    return {
      packets: () => Number(/^\s*(\d+)\s+\d+\s+DROP\b/m.exec(iptables('-nvxL', 'POSTROUTING'))?.[1]),
      open: () => void iptables('-D', ...rule),
    };
  }

  /** A container sends one packet to an address elsewhere (of TEST-NET-1, where nobody is). */
  async callOut(): Promise<void> {
    const program = 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"?", ("192.0.2.1", 53))';
    await this.docker('run', '--rm', BASE_TAGS[0]!, 'python3', '-c', program);
  }

  async dispose(): Promise<void> {
    await this.end('SIGTERM');
    // A daemon that was killed, or told to let its containers live, leaves its containerd, shims and what runs in them.
    for (let left = this.left(); left.length > 0; left = this.left()) await killAll(left);
    const mounts = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((mount) => mount.startsWith(`${this.folder}/`))
      .reverse();
    for (const mount of mounts) quietly('umount', '--lazy', mount);
    for (const rule of this.rules()) quietly('iptables', ...rule('-D'));
    quietly('ip', 'netns', 'del', this.namespace);
    quietly('ip', 'link', 'del', `${this.namespace}h`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Its processes, and those of its containers and builds. */
  private left(): number[] {
    return [...leftProcesses(this.folder).map(({ pid }) => pid), ...this.inside()].filter((pid) => pid !== process.pid);
  }

  /** Processes whose root folder is a container's, or a build step's, of this daemon. */
  private inside(): number[] {
    const isOurs = (line: string) => line.split(' ')[4] === '/' && line.includes(`${this.folder}/`);
    return processes().filter((pid) => readProc(pid, 'mountinfo').split('\n').some(isOurs));
  }

  private async prepare(): Promise<void> {
    const { namespace, subnet, folder, options } = this;
    const size = String(mtu());
    run('ip', 'netns', 'add', namespace);
    run(
      'ip',
      'link',
      'add',
      `${namespace}h`,
      'mtu',
      size,
      'type',
      'veth',
      'peer',
      'name',
      `${namespace}n`,
      'mtu',
      size,
    );
    run('ip', 'link', 'set', `${namespace}n`, 'netns', namespace);
    run('ip', 'addr', 'add', `${subnet}.1/30`, 'dev', `${namespace}h`);
    run('ip', 'link', 'set', `${namespace}h`, 'up');
    const inside = (...args: string[]) => run('nsenter', `--net=/run/netns/${namespace}`, 'ip', ...args);
    inside('link', 'set', 'lo', 'up');
    inside('addr', 'add', `${subnet}.2/30`, 'dev', `${namespace}n`);
    inside('link', 'set', `${namespace}n`, 'up');
    inside('route', 'add', 'default', 'via', `${subnet}.1`);
    // A daemon on this machine would set it as well.
    run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
    for (const rule of this.rules()) run('iptables', ...rule('-I'));
    const data = path.join(folder, 'data');
    await mkdir(data, { recursive: true });
    if (options.diskMebibytes) run('mount', '-t', 'tmpfs', '-o', `size=${options.diskMebibytes}m`, 'wt-docker', data);
  }

  private rules(): ((verb: '-I' | '-D') => string[])[] {
    const link = `${this.namespace}h`;
    return [
      (verb) => ['-w', '-t', 'nat', verb, 'POSTROUTING', '-s', `${this.subnet}.0/30`, '-j', 'MASQUERADE'],
      (verb) => ['-w', verb, 'FORWARD', '-i', link, '-j', 'ACCEPT'],
      (verb) => ['-w', verb, 'FORWARD', '-o', link, '-j', 'ACCEPT'],
    ];
  }

  private async importBase(): Promise<void> {
    const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'windtunnel-test/docker');
    const { stdout } = await execute(MAKE_BASE, [cache], { timeout: 15 * 60_000 });
    const [first = '', ...rest] = BASE_TAGS;
    if (this.options.podman) {
      const env = { ...process.env, ...podmanEnvironment(this.folder) };
      const podman = (...args: string[]) => execute('podman', args, { env });
      const named = (tag: string) => `docker.io/library/${tag}`;
      await podman('import', '--quiet', stdout.trim(), named(first));
      await podman('tag', named(first), ...rest.map(named));
      return;
    }
    await this.docker('import', stdout.trim(), first);
    for (const tag of rest) await this.docker('tag', first, tag);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('exit', resolve));
    // nsenter has become the daemon: it executes it.
    child.kill(signal);
    await closed;
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const request = http.get({ socketPath: this.socket, path: '/_ping' }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('error', () => resolve(false));
    });
  }
}

const processes = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const parentOf = (pid: number): number => Number(/^PPid:\t(\d+)/m.exec(readProc(pid, 'status'))?.[1]);

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // It has ended.
  }
}

async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
  for (const pid of pids) await gone(pid);
}

/** That of the way out, which a larger one on the way would swallow packets of. */
function mtu(): number {
  const device = /^default .*\bdev (\S+)/m.exec(execFileSync('ip', ['route'], { encoding: 'utf8' }))?.[1];
  return device ? Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) : 1500;
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** For what may be gone already. */
function quietly(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
  } catch {
    // It was not there, or went with another.
  }
}

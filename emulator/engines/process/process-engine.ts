import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { type GpuCard, type RunnerSpec, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { EngineGpus, RunnerEngine, RunnerHandle, RunnerHooks } from '../engine.ts';
import { NO_GPU, visibleDevices } from '../gpus/detect-gpus.ts';
import { LinkedRunner } from '../link/linked-runner.ts';
import { sourcePlaces } from '../link/source-places.ts';
import { boundPort, startMessage } from '../link/start-message.ts';
import { planFolders, stageFiles } from './folders.ts';
import { ProcessBody } from './process-body.ts';
import { processStart } from './processes.ts';
import { RunnerRegistry } from './runner-registry.ts';

// sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included; `metrics.sock` is the longest name.
const SOCKET_PATH_MAX = 103;
const LONGEST_SOCKET = 'metrics.sock';

export interface ProcessEngineOptions {
  clock: Clock;
  log: Log;
  /** Folder of this workspace's runners, 0700, made when missing. Short, for sockets live in it. */
  runtimeDir: string;
  /** The public port, asked at each start. */
  gatewayPort(): number;
  /** Folder of agent.py and serve.py. */
  harnessDir: string;
  /** What a runner inherits of the emulator's environment: PATH, HOME, LANG, TMPDIR, proxies. */
  parentEnv: Record<string, string>;
  /** GPUs of this machine; absent: none. */
  gpus?: readonly GpuCard[];
  /** Hosts beside fal's own that lead into the tunnel. */
  hostsExtra?: readonly string[];
  /** For tests. */
  platform?: NodeJS.Platform;
}

/** Runs apps as processes of this user, in a process group and, on Linux, a mount namespace of their own. */
export function createProcessEngine(options: ProcessEngineOptions): RunnerEngine {
  return new ProcessEngine(options);
}

class ProcessEngine implements RunnerEngine {
  readonly name = 'process';
  private readonly registry: RunnerRegistry;
  /** Running ones, with the folder of their sockets. */
  private readonly runners = new Map<LinkedRunner, string>();
  /** Runners by the port that their server binds itself. */
  private readonly ports = new Map<number, string>();
  private saidCpus = false;
  private disposed = false;

  private readonly options: ProcessEngineOptions;

  constructor(options: ProcessEngineOptions) {
    this.options = options;
    this.registry = new RunnerRegistry(path.join(options.runtimeDir, 'runners'));
  }

  async start(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<RunnerHandle> {
    signal.throwIfAborted();
    if (this.disposed) throw new WindtunnelError('E_CANCELLED', 'The emulator is stopping.');
    const python = venvPython(spec);
    const port = this.takePort(spec);
    this.sayCpus(spec);
    try {
      const runner = await this.launch(spec, hooks, python);
      void runner.exited.then(() => this.givePort(port));
      await this.waitForLaunch(runner, signal);
      return runner;
    } catch (error) {
      this.givePort(port);
      throw error;
    }
  }

  async gpus(): Promise<EngineGpus> {
    const { gpus = [] } = this.options;
    return { cards: gpus, reason: gpus.length > 0 ? '' : NO_GPU };
  }

  async sweep(): Promise<string[]> {
    const removed = await this.registry.sweep();
    for (const name of await this.strayFolders()) {
      await rm(path.join(this.options.runtimeDir, name), { recursive: true, force: true });
    }
    return removed;
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    const runners = [...this.runners.keys()];
    for (const runner of runners) runner.kill();
    await Promise.all(runners.map((runner) => runner.exited));
  }

  private async launch(spec: RunnerSpec, hooks: RunnerHooks, python: string): Promise<LinkedRunner> {
    const { options } = this;
    const dir = await this.makeDir();
    const remove = async () => {
      await rm(dir, { recursive: true, force: true });
      await this.registry.remove(spec.id);
    };
    let agent: ChildProcess | null = null;
    let runner: LinkedRunner | null = null;
    try {
      const workDir = path.join(dir, 'app');
      await mkdir(workDir, { mode: 0o700 });
      await mkdir(spec.dataDir, { recursive: true });
      await stageFiles(spec, workDir, async (file) => (await stat(file)).size);
      const source = spec.payload.kind === 'source' ? spec.payload.bundle.root : null;
      const kept = [python, options.harnessDir, dir, ...(source ? [source] : [])];
      const folders = await planFolders(spec, workDir, kept, options.platform ?? process.platform);
      const message = startMessage(spec, {
        dir,
        harnessDir: options.harnessDir,
        python,
        parentEnv: options.parentEnv,
        gatewayPort: options.gatewayPort(),
        hosts: options.hostsExtra ?? [],
        folders,
        devices: visibleDevices(spec.gpus),
        expectedDevices: null,
        place: (file) => file,
      });
      agent = spawn(python, ['-I', '-S', path.join(options.harnessDir, 'agent.py'), 'fd:3'], {
        // The link is a socket pair that only these two processes hold: nobody else can dial it, at any time.
        stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
        env: options.parentEnv,
        cwd: '/',
        detached: true,
      });
      agent.stderr
        ?.setEncoding('utf8')
        .on('data', (text: string) => options.log.debug('Agent says', { text: text.trim() }));
      const link = agent.stdio[3];
      if (!(link instanceof Duplex)) throw new WindtunnelError('E_INTERNAL', 'The link of a new runner is no stream.');
      const { clock, log } = options;
      const body = new ProcessBody(agent, dir, spec, remove);
      const work = folders.mapped['/app'] ? '/app' : workDir;
      const sources = sourcePlaces(spec, { work, place: (file) => file, sharesFiles: true });
      const made = new LinkedRunner({ spec, hooks, body, link, message, sources, clock, log });
      runner = made;
      this.runners.set(made, dir);
      void made.exited.then(() => this.runners.delete(made));
      if (agent.pid !== undefined) await this.register(spec, dir, agent.pid);
      return runner;
    } catch (error) {
      // Not left to the end of the link: the runner holds it, and goes on to start the app.
      if (runner) {
        runner.kill();
        await runner.exited;
      } else {
        agent?.kill('SIGKILL');
        await remove();
      }
      throw error;
    }
  }

  private async waitForLaunch(runner: LinkedRunner, signal: AbortSignal): Promise<void> {
    const onAbort = () => runner.kill();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await runner.launched;
      signal.throwIfAborted();
    } catch (error) {
      runner.kill();
      await runner.exited;
      throw signal.aborted ? signal.reason : toWindtunnelError(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async register(spec: RunnerSpec, dir: string, agent: number): Promise<void> {
    await this.registry.add({
      id: spec.id,
      app: spec.app,
      dir,
      emulator: { pid: process.pid, start: await processStart(process.pid) },
      agent: { pid: agent, start: await processStart(agent) },
    });
  }

  private async makeDir(): Promise<string> {
    const { runtimeDir } = this.options;
    await mkdir(runtimeDir, { recursive: true, mode: 0o700 });
    const dir = path.join(runtimeDir, `r-${randomBytes(4).toString('hex')}`);
    if (Buffer.byteLength(path.join(dir, LONGEST_SOCKET)) > SOCKET_PATH_MAX) {
      return mkdtemp(path.join(tmpdir(), 'wt-'));
    }
    await mkdir(dir, { mode: 0o700 });
    return dir;
  }

  /** Folders of runners that have no record: their emulator died between making the one and the other. */
  private async strayFolders(): Promise<string[]> {
    const dirs = [...(await this.registry.dirs()), ...this.runners.values()];
    const live = new Set(dirs.map((dir) => path.basename(dir)));
    try {
      return (await readdir(this.options.runtimeDir)).filter((name) => name.startsWith('r-') && !live.has(name));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  private takePort(spec: RunnerSpec): number | null {
    const port = boundPort(spec);
    if (port === null) return null;
    const holder = this.ports.get(port);
    if (holder !== undefined) {
      throw new WindtunnelError(
        'E_PORT_EXCLUSIVE',
        `${spec.app} binds port ${port} itself, and so does runner ${holder}, which still runs.`,
        {
          hint: 'Set max_concurrency = 1 and stop the other, or use --engine docker, where each runner has its own ports.',
        },
      );
    }
    this.ports.set(port, spec.id);
    return port;
  }

  private givePort(port: number | null): void {
    if (port !== null) this.ports.delete(port);
  }

  private sayCpus(spec: RunnerSpec): void {
    if (this.saidCpus) return;
    this.saidCpus = true;
    this.options.log.info('The process engine limits memory, not CPUs; the machine type asks for', {
      cpus: spec.limits.cpus,
    });
  }
}

function venvPython(spec: RunnerSpec): string {
  if (spec.environment.kind === 'venv') return spec.environment.python;
  throw new WindtunnelError(
    'E_ENGINE_UNAVAILABLE',
    `${spec.app} has a container image, which needs the docker engine.`,
    {
      hint: 'Use --engine docker.',
    },
  );
}

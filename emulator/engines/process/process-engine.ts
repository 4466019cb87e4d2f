import { randomUUID } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type GpuCard, type RunnerSpec, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { EngineGpus, RunnerEngine, RunnerHandle, RunnerHooks } from '../engine.ts';
import { NO_GPU, visibleDevices } from '../gpus/detect-gpus.ts';
import { LinkedRunner } from '../link/linked-runner.ts';
import { sourcePlaces } from '../link/source-places.ts';
import { boundPort, startMessage } from '../link/start-message.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import { planFolders, stageFiles } from './folders.ts';
import { ProcessBody } from './process-body.ts';
import { killMarked } from './processes.ts';
import { RunnerPlaces } from './runner-places.ts';
import { Spare } from './spare.ts';
import { SpareShelf } from './spare-shelf.ts';

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
  private readonly places: RunnerPlaces;
  private readonly shelf: SpareShelf;
  /** Running ones, with the folder of their sockets. */
  private readonly runners = new Map<LinkedRunner, string>();
  /** Runners by the port that their server binds itself. */
  private readonly ports = new Map<number, string>();
  private saidCpus = false;
  private disposed = false;

  private readonly options: ProcessEngineOptions;

  constructor(options: ProcessEngineOptions) {
    this.options = options;
    const { clock, log } = options;
    this.places = new RunnerPlaces(options.runtimeDir);
    this.shelf = new SpareShelf({ make: (model) => this.makeSpare(model), clock, log });
  }

  async start(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<RunnerHandle> {
    signal.throwIfAborted();
    if (this.disposed) throw new WindtunnelError('E_CANCELLED', 'The emulator is stopping.');
    venvPython(spec); // Throws for what this engine does not run.
    const port = this.takePort(spec);
    this.sayCpus(spec);
    try {
      const runner = (await this.beginSpare(spec, hooks, signal)) ?? (await this.begin(spec, hooks, null, signal));
      void runner.exited.then(() => this.givePort(port));
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

  startAhead(): void {
    this.shelf.startAhead();
  }

  sweep(): Promise<string[]> {
    return this.places.sweep(this.runners.values());
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.shelf.dispose();
    const runners = [...this.runners.keys()];
    for (const runner of runners) runner.kill();
    await Promise.all(runners.map((runner) => runner.exited));
  }

  private async begin(
    spec: RunnerSpec,
    hooks: RunnerHooks,
    spare: Spare | null,
    signal: AbortSignal,
  ): Promise<LinkedRunner> {
    const runner = await this.launch(spec, hooks, spare);
    await this.waitForLaunch(runner, signal);
    return runner;
  }

  /** What was started ahead becomes the runner; null where there is nothing, or it will not do. */
  private async beginSpare(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<LinkedRunner | null> {
    const spare = await this.shelf.take(spec);
    if (!spare) return null;
    try {
      return await this.begin(spec, hooks, spare, signal);
    } catch (error) {
      if (signal.aborted || this.disposed) throw error;
      // What is wrong with the app itself is told by the runner that is started in its stead.
      this.options.log.debug('What was started ahead is of no use', { error: toWindtunnelError(error).message });
      return null;
    }
  }

  private async launch(spec: RunnerSpec, hooks: RunnerHooks, spare: Spare | null): Promise<LinkedRunner> {
    const { options } = this;
    const python = venvPython(spec);
    const mark = spare?.id ?? spec.id;
    const dir = spare?.dir ?? (await this.places.make());
    let agent: AgentProcess | null = null;
    let runner: LinkedRunner | null = null;
    try {
      const { workDir, folders, message } = await this.plan(spec, dir, mark);
      if (spare && !spare.fits(message)) throw new Error('It was started for an app of another kind.');
      await stageFiles(spec, workDir, async (file) => (await stat(file)).size);
      if (spare?.ended) throw new Error('It has ended.');
      agent = spare?.agent ?? startAgent(python, options.harnessDir, options.parentEnv, options.log);
      const { clock, log } = options;
      const { link } = agent;
      const body = new ProcessBody(agent.process, dir, mark, spec, () => this.places.remove(mark, dir));
      const work = folders.mapped['/app'] ? '/app' : workDir;
      const sources = sourcePlaces(spec, { work, place: (file) => file, sharesFiles: true });
      const made = new LinkedRunner({ spec, hooks, body, link, message, sources, clock, log });
      runner = made;
      this.runners.set(made, dir);
      void made.exited.then(() => this.runners.delete(made));
      await this.places.record(mark, spec.app, dir, agent);
      return runner;
    } catch (error) {
      // Not left to the end of the link: the runner holds it, and goes on to start the app.
      if (runner) {
        runner.kill();
        await runner.exited;
      } else if (spare) {
        await spare.end();
      } else {
        agent?.process.kill('SIGKILL');
        await this.places.remove(mark, dir);
      }
      throw error;
    }
  }

  /** What the agent of a runner in that folder is told. */
  private async plan(spec: RunnerSpec, dir: string, mark: string) {
    const { options } = this;
    const python = venvPython(spec);
    const workDir = path.join(dir, 'app');
    await mkdir(workDir, { mode: 0o700, recursive: true });
    await mkdir(spec.dataDir, { recursive: true });
    const source = spec.payload.kind === 'source' ? spec.payload.bundle.root : null;
    const kept = [python, options.harnessDir, dir, ...(source ? [source] : [])];
    const folders = await planFolders(spec, workDir, kept, options.platform ?? process.platform);
    const message = startMessage(spec, {
      mark,
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
    return { workDir, folders, message };
  }

  private async makeSpare(model: RunnerSpec): Promise<Spare> {
    const { harnessDir, parentEnv, log, clock } = this.options;
    const id = randomUUID();
    const dir = await this.places.make();
    const remove = async () => {
      await killMarked(id, null);
      await this.places.remove(id, dir);
    };
    let spare: Spare | null = null;
    try {
      const { message } = await this.plan(model, dir, id);
      const agent = startAgent(venvPython(model), harnessDir, parentEnv, log);
      spare = new Spare({ id, dir, agent, message, remove, clock });
      await this.places.record(id, 'an app to come', dir, agent);
      return spare;
    } catch (error) {
      await (spare ? spare.end() : remove());
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

import { mkdir } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { type RunnerSpec, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { EngineGpus, RunnerEngine, RunnerHandle, RunnerHooks } from '../engine.ts';
import { LinkedRunner } from '../link/linked-runner.ts';
import { sourcePlaces } from '../link/source-places.ts';
import { ownCwd, startMessage } from '../link/start-message.ts';
import { attachLink } from './attach-link.ts';
import { ContainerBody } from './container-body.ts';
import { clampLimits, containerOptions } from './container-spec.ts';
import type { Daemon } from './daemon.ts';
import type { DaemonFacts } from './daemon-facts.ts';
import { statusOf } from './dial.ts';
import { isDaemonGone, startError } from './docker-errors.ts';
import { daemonGpus, daemonNames, type GpuMethod, gpuContext, type HostGpus } from './gpus.ts';
import { readImage, whoRuns } from './image-config.ts';
import { type Ownership, ownershipLabels, workspaceLabel } from './labels.ts';
import { largeFiles } from './large-files.ts';
import { ensureNetwork, removeNetworks } from './network.ts';
import { PLACES, picklePlaces, placeOf } from './places.ts';
import { removeContainer } from './remove-container.ts';
import { runnerArchive } from './runner-archive.ts';
import { sweepContainers } from './sweep.ts';

export interface DockerEngineOptions {
  daemon: Daemon;
  clock: Clock;
  log: Log;
  owner: Ownership;
  /** The public port, asked at each start. */
  gatewayPort(): number;
  harnessDir: string;
  /** Proxy variables for the apps. */
  proxyEnv: Record<string, string>;
  /** uid and gid of this user on a system where containers share them (Linux), else null. */
  user: { uid: number; gid: number } | null;
  /** GPUs that runners on this machine may have. */
  gpus: HostGpus;
  /** `none` for containers without any network but the link; another name for a network that is there; null: one of ours. */
  network: string | null;
  /** Hosts beside fal's own that lead into the tunnel. */
  hostsExtra?: readonly string[];
}

/** Runs apps in containers of one Docker daemon, here or on another machine. */
export function createDockerEngine(options: DockerEngineOptions): DockerEngine {
  return new DockerEngine(options);
}

export class DockerEngine implements RunnerEngine {
  readonly name = 'docker';
  private readonly options: DockerEngineOptions;
  private readonly runners = new Set<LinkedRunner>();
  /** Containers that could not be removed: their daemon was gone. */
  private readonly leftovers = new Set<string>();
  private readonly said = new Set<string>();
  /** Shared: of two that make it at once there would be two of one name. */
  private networkMade: Promise<string> | null = null;
  private disposed = false;

  constructor(options: DockerEngineOptions) {
    this.options = options;
  }

  async start(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<RunnerHandle> {
    signal.throwIfAborted();
    if (this.disposed) throw new WindtunnelError('E_CANCELLED', 'The emulator is stopping.');
    const { environment } = spec;
    if (environment.kind !== 'image') {
      throw new WindtunnelError('E_INTERNAL', `The docker engine was given a virtual environment for ${spec.app}.`);
    }
    const { docker, facts } = await this.options.daemon.connect(signal, (line) => hooks.onPhase('booting', line));
    await this.removeLeftovers(docker);
    try {
      const gpus = this.gpusOf(spec, facts);
      const runner = await this.launch(docker, facts, spec, environment, gpus, hooks, signal);
      await this.waitForLaunch(runner, signal);
      return runner;
    } catch (error) {
      // Whatever it was, the network may be gone: the next start looks.
      this.networkMade = null;
      if (isDaemonGone(error)) this.options.daemon.doubt();
      throw signal.aborted ? signal.reason : startError(spec.app, error);
    }
  }

  /** The GPUs of the daemon. Rejects with E_DOCKER_*. */
  async gpus(signal: AbortSignal): Promise<EngineGpus> {
    const { facts } = await this.options.daemon.connect(signal);
    return daemonGpus(facts, this.options.gpus);
  }

  async sweep(): Promise<string[]> {
    const { daemon, owner, log, clock } = this.options;
    try {
      const { docker } = await daemon.connect(new AbortController().signal);
      const removed = await sweepContainers(docker, owner, clock);
      await removeNetworks(docker, workspaceLabel(owner.workspace));
      return removed;
    } catch (error) {
      // No daemon, nothing to sweep: what it may hold is swept when it is there.
      log.debug('no sweep of containers', { why: toWindtunnelError(error).message });
      return [];
    }
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    const runners = [...this.runners];
    for (const runner of runners) runner.kill();
    await Promise.all(runners.map((runner) => runner.exited));
    const found = this.options.daemon.known;
    if (!found) return;
    try {
      await this.removeLeftovers(found.docker);
      if (this.options.network === null)
        await removeNetworks(found.docker, workspaceLabel(this.options.owner.workspace));
    } catch (error) {
      // The daemon is gone; the next emulator's sweep finds what it brings back.
      this.options.log.warn('containers may be left on the daemon', { error: toWindtunnelError(error).message });
    }
  }

  private async launch(
    docker: Docker,
    facts: DaemonFacts,
    spec: RunnerSpec,
    environment: Extract<RunnerSpec['environment'], { kind: 'image' }>,
    gpus: { method: GpuMethod | null; ids: readonly string[] },
    hooks: RunnerHooks,
    signal: AbortSignal,
  ): Promise<LinkedRunner> {
    const { options } = this;
    const { clock, log, owner: ownership } = options;
    const labels = ownershipLabels(ownership);
    const [image, network, mounted] = await Promise.all([
      readImage(docker, environment.image, signal),
      this.network(docker, facts, labels),
      facts.sharesFiles ? largeFiles(spec) : new Map<string, string>(),
    ]);
    if (facts.sharesFiles) await mkdir(spec.dataDir, { recursive: true });
    const { user, owner } = whoRuns(facts, environment.authored, image.user, options.user);
    this.sayOnce(clampLimits(spec, facts).note, spec);
    const archive = await runnerArchive({
      spec,
      harnessDir: options.harnessDir,
      owner,
      mounted: new Set(mounted.keys()),
    });
    if (archive.cut) {
      this.sayOnce(
        'The workspace is too large to be sent whole: modules past 20,000 files or 256 MB are missing',
        spec,
      );
    }
    const container = await docker.createContainer(
      containerOptions({ spec, facts, labels, network, user, owner, gpus, mounted, environment }),
    );
    let link: Duplex | null = null;
    try {
      await container.putArchive(archive.tar as unknown as NodeJS.ReadableStream, { path: '/' });
      link = await attachLink(container, log);
      const cwd = environment.authored ? image.workDir : `${PLACES.work}/${ownCwd(bundleOf(spec))}`.replace(/\/$/, '');
      const parentEnv = { ...image.env, ...options.proxyEnv };
      const runs = {
        ...spec,
        env: archive.env,
        ...(spec.debugger === undefined ? {} : { debugger: PLACES.debugger }),
      };
      const message = startMessage(runs, {
        mark: runs.id,
        dir: PLACES.sockets,
        harnessDir: PLACES.harness,
        python: environment.python,
        parentEnv: environment.authored ? { HOME: '/root', ...parentEnv } : { ...parentEnv, HOME: PLACES.home },
        gatewayPort: options.gatewayPort(),
        hosts: options.hostsExtra ?? [],
        folders: { mapped: {}, required: false, cwd, cwdUnmapped: cwd, data: PLACES.data },
        ...gpuContext(gpus.method, gpus.ids),
        place: spec.payload.kind === 'pickle' ? picklePlaces : placeOf,
        entrypoint: environment.entrypoint,
        importsFromCwd: environment.authored,
      });
      const leave = (id: string) => this.leftovers.add(id);
      const body = new ContainerBody({ app: spec.app, container, link, daemon: options.daemon, clock, log, leave });
      const sources = sourcePlaces(spec, { work: PLACES.work, place: placeOf, sharesFiles: false });
      const runner = new LinkedRunner({ spec, hooks, body, link, message, sources, clock, log });
      this.runners.add(runner);
      void runner.exited.then(() => this.runners.delete(runner));
      await container.start();
      return runner;
    } catch (error) {
      // A refused start leaves a container that never ran; the runner, if there is one, ends with its link.
      link?.destroy();
      if (!(await removeContainer(container, clock).catch(() => false))) this.leftovers.add(container.id);
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
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private gpusOf(spec: RunnerSpec, facts: DaemonFacts): { method: GpuMethod | null; ids: readonly string[] } {
    if (spec.gpus.length === 0) return { method: null, ids: [] };
    const known = daemonGpus(facts, this.options.gpus);
    return { method: known.method, ids: daemonNames(spec.gpus, known) };
  }

  private async network(docker: Docker, facts: DaemonFacts, labels: Record<string, string>): Promise<string> {
    const { network, owner } = this.options;
    if (network !== null) return network;
    this.networkMade ??= ensureNetwork(docker, `windtunnel-${workspaceLabel(owner.workspace)}`, facts, labels);
    try {
      return await this.networkMade;
    } catch (error) {
      this.networkMade = null;
      throw error;
    }
  }

  private async removeLeftovers(docker: Docker): Promise<void> {
    for (const id of [...this.leftovers]) {
      try {
        if (!(await removeContainer(docker.getContainer(id), this.options.clock))) continue;
      } catch (error) {
        if (statusOf(error) === null) throw error;
      }
      this.leftovers.delete(id);
    }
  }

  private sayOnce(line: string | null, spec: RunnerSpec): void {
    if (line === null || this.said.has(`${spec.app} ${line}`)) return;
    this.said.add(`${spec.app} ${line}`);
    this.options.log.warn(line, { app: spec.app });
  }
}

const bundleOf = ({ payload }: RunnerSpec) => (payload.kind === 'source' ? payload.bundle : null);

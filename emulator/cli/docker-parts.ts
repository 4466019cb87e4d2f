import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../client/paths.ts';
import type { ImageBuilder } from '../contract/index.ts';
import { assetUrl } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { HostGpus } from '../engines/docker/gpus.ts';
import type { RunnerEngine } from '../engines/engine.ts';
import { lazyEngine } from '../engines/lazy-engine.ts';
import { processStart } from '../engines/process/processes.ts';
import type { Environment } from './exec-env.ts';
import { which } from './machine.ts';

export interface DockerPartsOptions {
  host: Host;
  /** The user's own environment, whatever `exec` made of it. */
  env: Environment;
  workspace: string;
  /** Folder of the workspace's state. */
  state: string;
  log: Log;
  gatewayPort(): number;
  /** What runners inherit; only its proxies mean something in a container. */
  parentEnv: Record<string, string>;
  network: string | null;
  gpus: HostGpus;
}

/** The docker engine and its image builder, loaded when an app first needs them. */
export interface DockerParts {
  engine: RunnerEngine;
  builder(): Promise<ImageBuilder>;
  /** Sweeps where this workspace has used the engine before; else does nothing. */
  sweepIfUsed(): void;
}

export function dockerParts(options: DockerPartsOptions): DockerParts {
  const { log } = options;
  const usedFile = join(options.state, 'docker-used');
  let loading: ReturnType<typeof load> | null = null;
  const parts = () => {
    loading ??= load(options);
    return loading;
  };
  const engine = lazyEngine('docker', async () => {
    const { engine: made } = await parts();
    mkdirSync(dirname(usedFile), { recursive: true });
    writeFileSync(usedFile, '');
    for (const line of await made.sweep()) log.info('removed what a dead emulator left', { what: line });
    return made;
  });
  return {
    engine,
    builder: async () => (await parts()).images,
    sweepIfUsed() {
      if (!existsSync(usedFile)) return;
      engine.sweep().catch((error: unknown) => log.warn('the sweep of containers failed', { error }));
    },
  };
}

/** Where the docker CLI and its daemon are looked for. */
export function dockerSearch(host: Host, env: Environment) {
  return {
    env: { ...env },
    home: host.home,
    uid: host.uid,
    clock: systemClock,
    cli: which(host, 'docker'),
  };
}

async function load(options: DockerPartsOptions) {
  const { host, env, log } = options;
  const [{ Daemon }, { createDockerEngine }, { Images }, { RegistryLogins }] = await Promise.all([
    import('../engines/docker/daemon.ts'),
    import('../engines/docker/docker-engine.ts'),
    import('../engines/docker/images.ts'),
    import('../engines/docker/registry-logins.ts'),
  ]);
  const daemon = new Daemon(dockerSearch(host, env), log);
  const engine = createDockerEngine({
    daemon,
    clock: systemClock,
    log,
    owner: {
      workspace: options.workspace,
      emulator: { pid: process.pid, start: await processStart(process.pid) },
      host: machineName(),
    },
    gatewayPort: options.gatewayPort,
    harnessDir: fileURLToPath(assetUrl('runner')),
    proxyEnv: containerProxies(options.parentEnv),
    user: host.platform === 'linux' ? { uid: host.uid, gid: process.getgid?.() ?? host.uid } : null,
    gpus: options.gpus,
    network: options.network,
  });
  const logins = new RegistryLogins(env.DOCKER_CONFIG ?? join(host.home, '.docker'), { ...env });
  const images = new Images({ daemon, logins, log: log.child('images') });
  return { engine, images };
}

/** A proxy on this machine's loopback is out of a container's reach. */
function containerProxies(env: Readonly<Record<string, string>>): Record<string, string> {
  const isProxy = /^(https?|all|no)_proxy$/i;
  const local = /\/\/(?:[^@/]*@)?(127\.|localhost|\[::1\])/i;
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => isProxy.test(name) && !local.test(value)));
}

/** Tells this machine from others that use the same daemon; a host name alone is shared by many. */
function machineName(): string {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      return `${hostname()}-${readFileSync(file, 'utf8').trim().slice(0, 8)}`;
    } catch {
      // Not on this system.
    }
  }
  return hostname();
}

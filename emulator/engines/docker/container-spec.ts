import type Docker from 'dockerode';
import type { RunnerSpec } from '../../contract/index.ts';
import type { DaemonFacts } from './daemon-facts.ts';
import { type GpuMethod, gpuRequest } from './gpus.ts';
import { LABELS } from './labels.ts';
import { PLACES } from './places.ts';

/** Processes and threads of one runner; a fork bomb ends there and not with the machine. */
const PIDS = 4096;
/** Docker's own least. Bytes. */
const LEAST_MEMORY = 6 * 2 ** 20;
/** What root of an author's image does while it runs: files of other users, a lower user for a part of it. */
const AUTHORED_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'];

export interface ContainerPlan {
  spec: RunnerSpec;
  facts: DaemonFacts;
  labels: Record<string, string>;
  network: string;
  /** `uid:gid`, '' for the image's own user. */
  user: string;
  /** Whom the sockets belong to; null for a user of the image, whose number only it knows. */
  owner: { uid: number; gid: number } | null;
  gpus: { method: GpuMethod | null; ids: readonly string[] };
  /** Large files of the app, mounted read-only: path on this machine → path in the container. */
  mounted: ReadonlyMap<string, string>;
  environment: Extract<RunnerSpec['environment'], { kind: 'image' }>;
}

export interface ClampedLimits {
  memoryBytes: number;
  cpus: number;
  /** In words, null where nothing was cut. */
  note: string | null;
}

/** A machine type's limits, cut to what the daemon's machine has. */
export function clampLimits({ limits }: RunnerSpec, facts: Pick<DaemonFacts, 'memoryBytes' | 'cpus'>): ClampedLimits {
  const memoryBytes = Math.max(LEAST_MEMORY, Math.min(limits.memoryBytes, facts.memoryBytes));
  const cpus = Math.min(limits.cpus, facts.cpus);
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const cut = [
    ...(memoryBytes < limits.memoryBytes
      ? [`${gigabytes(memoryBytes)} of ${gigabytes(limits.memoryBytes)} memory`]
      : []),
    ...(cpus < limits.cpus ? [`${cpus} of ${limits.cpus} CPUs`] : []),
  ];
  return { memoryBytes, cpus, note: cut.length === 0 ? null : `The machine of the daemon gives ${cut.join(' and ')}` };
}

/** The container of a runner, as the daemon is asked for it. */
export function containerOptions(plan: ContainerPlan): Docker.ContainerCreateOptions {
  const { spec, facts, labels, network, user, owner, gpus, mounted, environment } = plan;
  const { memoryBytes, cpus } = clampLimits(spec, facts);
  // Podman's tmpfs takes no owner.
  const socketsOf = owner && facts.kind === 'docker' ? `mode=0700,uid=${owner.uid},gid=${owner.gid}` : 'mode=1777';
  return {
    name: `windtunnel-${spec.app.replace(/[^A-Za-z0-9_.-]/g, '-')}-${spec.id.slice(0, 8)}`,
    Image: environment.image,
    // The agent is the parent of the app; the author's entrypoint runs below it.
    Entrypoint: [environment.python, '-I', '-S', `${PLACES.harness}/agent.py`, 'stdio'],
    Cmd: [],
    User: user,
    WorkingDir: '/',
    Labels: { ...labels, [LABELS.runner]: spec.id, [LABELS.app]: spec.app },
    Env: [`WINDTUNNEL_RUNNER=${spec.id}`, ...(gpus.ids.length === 0 ? ['NVIDIA_VISIBLE_DEVICES=void'] : [])],
    // The link: stdin closes when the emulator is gone, and that is the dead-man switch.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: {
      // Removed by us once its state was read; and nothing of the link goes to the daemon's disk.
      AutoRemove: false,
      LogConfig: { Type: 'none', Config: {} },
      NetworkMode: network,
      Mounts: [
        facts.sharesFiles
          ? { Type: 'bind', Source: spec.dataDir, Target: PLACES.data }
          : { Type: 'volume', Source: 'windtunnel-data', Target: PLACES.data },
        ...[...mounted].map(([Source, Target]) => ({ Type: 'bind' as const, Source, Target, ReadOnly: true })),
      ],
      Tmpfs: {
        [PLACES.sockets]: `rw,nosuid,nodev,noexec,size=1m,${socketsOf}`,
      },
      Memory: memoryBytes,
      // The same: no swap, or the limit would be felt as slowness long before it is reached.
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: PIDS,
      // Counted within Memory. Docker's 64 MB break the data loaders of torch.
      ShmSize: Math.round(memoryBytes / 2),
      CapDrop: ['ALL'],
      ...(environment.authored ? { CapAdd: AUTHORED_CAPABILITIES } : {}),
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      ...gpuRequest(gpus.method, gpus.ids),
    },
  };
}

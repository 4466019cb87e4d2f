import path from 'node:path';
import { RUNNER_SECRET_HEADER, type RunnerSpec, type SourceBundle } from '../../contract/index.ts';
import { LINK_VERSION } from './frames.ts';
import type { HarnessPayload, StartMessage } from './messages.ts';

/** Hosts that a runner reaches through the tunnel, with all their subdomains. */
export const FAL_HOSTS = ['fal.run', 'fal.ai', 'fal.media', 'falrun.com', 'fal.dev'];

/** What the import guard asks of: importlib.machinery.all_suffixes(). */
const IMPORTABLE = /\.(?:pyc?|so)$/;

/** Which folders a runner sees where. */
export interface FolderPlan {
  /** What the agent is to mount: path in the runner → folder of its machine. */
  mapped: Record<string, string>;
  /** The app needs /data at its place. */
  required: boolean;
  /** Working folder, as the runner sees it. */
  cwd: string;
  /** The same where nothing can be mounted. */
  cwdUnmapped: string;
  /** The data folder, as the runner sees it. */
  data: string;
}

/** All paths are the runner's. */
export interface StartContext {
  /** By which a sweep knows the runner's processes. */
  mark: string;
  /** Folder of the runner's sockets. */
  dir: string;
  harnessDir: string;
  python: string;
  parentEnv: Record<string, string>;
  gatewayPort: number;
  hosts: readonly string[];
  folders: FolderPlan;
  /** Variables that name the runner's own GPUs. */
  devices: Readonly<Record<string, string>>;
  /** Device files that must be there for the GPUs that it was given, and how many; null without any. */
  expectedDevices: StartMessage['expectedDevices'];
  /** Where a file of the emulator's machine stands in the runner. */
  place: (file: string) => string;
  /** Put before the command: a container's own entrypoint. */
  entrypoint?: readonly string[];
  /** The working folder is on the search path, as in a container of fal's (`include_cwd_in_sys_path`, fal/api/api.py). */
  importsFromCwd?: boolean;
}

/** What the agent is told to run. */
export function startMessage(spec: RunnerSpec, context: StartContext): StartMessage {
  const { folders, python } = context;
  const payload = harnessPayload(spec, context);
  const debug = spec.debugger === undefined ? null : { python, folder: spec.debugger };
  const command =
    spec.payload.kind === 'command' ? spec.payload.argv : [python, path.posix.join(context.harnessDir, 'serve.py')];
  return {
    version: LINK_VERSION,
    argv: [...(context.entrypoint ?? []), ...command],
    env: { ...environment(spec, context), HF_HOME: `${folders.data}/.cache/huggingface` },
    cwd: folders.cwd,
    dir: context.dir,
    folders: folders.mapped,
    foldersRequired: folders.required,
    envUnmapped: { HF_HOME: `${spec.dataDir}/.cache/huggingface` },
    cwdUnmapped: folders.cwdUnmapped,
    graceSeconds: spec.graceSeconds,
    memoryBytes: spec.limits.memoryBytes,
    port: boundPort(spec),
    expectedDevices: context.expectedDevices,
    debugger: debug,
    harness:
      payload === null
        ? null
        : { secret: spec.secret, header: RUNNER_SECRET_HEADER, dir: context.dir, debugger: debug, payload },
  };
}

/** Working folder of the app below that of its files; the SDK makes it when no file is in it (fal/app_files.py). */
export function ownCwd(bundle: SourceBundle | null): string {
  const cwd = bundle?.cwd ?? '';
  return cwd.startsWith('..') ? '' : cwd;
}

/** The port that the app's server binds by itself, null for one that the SDK serves. */
export function boundPort(spec: RunnerSpec): number | null {
  return spec.payload.kind === 'command' ? spec.payload.port : spec.exposedPort;
}

function harnessPayload({ payload }: RunnerSpec, { place, importsFromCwd }: StartContext): HarnessPayload | null {
  switch (payload.kind) {
    case 'command':
      return null;
    case 'pickle':
      return { kind: 'pickle', file: place(payload.file) };
    case 'calls':
      return { kind: 'calls' };
    case 'entrypoint':
      return { kind: 'entrypoint', entrypoint: payload.entrypoint };
    case 'source':
      return {
        kind: 'source',
        file: place(payload.file),
        symbol: payload.symbol,
        roots: [...new Set([payload.bundle.root, ...payload.bundle.guarded])].map(place),
        modules: payload.bundle.modules,
        // Of thousands of files the whole list would not fit into one frame.
        files: payload.bundle.files.map((file) => place(file.from)).filter((file) => IMPORTABLE.test(file)),
        workPath: [
          ...(importsFromCwd ? ['.'] : []),
          ...(payload.bundle.files.length === 0 ? [] : ['.', path.relative(ownCwd(payload.bundle), '') || '.']),
        ],
      };
  }
}

function environment(spec: RunnerSpec, context: StartContext): Record<string, string> {
  const merged: Record<string, string> = { ...context.parentEnv, ...spec.env };
  const bin = path.dirname(context.python);
  const hosts = [...FAL_HOSTS, ...context.hosts];
  const direct = noProxy(merged.NO_PROXY ?? merged.no_proxy, hosts);
  const site = path.join(context.harnessDir, 'site');
  return {
    ...merged,
    // A proxy of the user's would carry what is for fal past the tunnel, to the real fal.
    NO_PROXY: direct,
    no_proxy: direct,
    PATH: merged.PATH ? `${bin}:${merged.PATH}` : bin,
    VIRTUAL_ENV: path.dirname(bin),
    PYTHONPATH: merged.PYTHONPATH ? `${site}:${merged.PYTHONPATH}` : site,
    PYTHONUNBUFFERED: '1',
    IS_ISOLATE_AGENT: '1',
    ...context.devices,
    // The mark by which a sweep knows processes of a runner whose agent was killed.
    WINDTUNNEL_RUNNER: context.mark,
    WINDTUNNEL_HOSTS: hosts.join(','),
    WINDTUNNEL_GATEWAY: `127.0.0.1:${context.gatewayPort},localhost:${context.gatewayPort}`,
  };
}

function noProxy(given: string | undefined, hosts: readonly string[]): string {
  const names = hosts.flatMap((host) => [host, `.${host}`]);
  return [given, 'localhost', '127.0.0.1', ...names].filter(Boolean).join(',');
}

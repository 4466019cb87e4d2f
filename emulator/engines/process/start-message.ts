import path from 'node:path';
import { RUNNER_SECRET_HEADER, type RunnerSpec } from '../../contract/index.ts';
import { LINK_VERSION } from '../link/frames.ts';
import type { HarnessPayload, StartMessage } from '../link/messages.ts';
import { type FolderPlan, ownCwd } from './folders.ts';

/** Hosts that a runner reaches through the tunnel, with all their subdomains. */
export const FAL_HOSTS = ['fal.run', 'fal.ai', 'fal.media', 'falrun.com', 'fal.dev'];

/** What the import guard asks of: importlib.machinery.all_suffixes(). */
const IMPORTABLE = /\.(?:pyc?|so)$/;

export interface StartContext {
  /** Folder of the runner's sockets. */
  dir: string;
  harnessDir: string;
  parentEnv: Record<string, string>;
  gatewayPort: number;
  hosts: readonly string[];
  folders: FolderPlan;
}

/** What the agent is told to run for a spec whose environment is a virtual environment at `python`. */
export function startMessage(spec: RunnerSpec, python: string, context: StartContext): StartMessage {
  const { folders } = context;
  const payload = harnessPayload(spec);
  return {
    version: LINK_VERSION,
    argv: spec.payload.kind === 'command' ? spec.payload.argv : [python, path.join(context.harnessDir, 'serve.py')],
    env: { ...environment(spec, python, context), HF_HOME: `${folders.data}/.cache/huggingface` },
    cwd: folders.cwd,
    dir: context.dir,
    folders: folders.mapped,
    foldersRequired: folders.required,
    envUnmapped: { HF_HOME: `${spec.dataDir}/.cache/huggingface` },
    cwdUnmapped: folders.cwdUnmapped,
    graceSeconds: spec.graceSeconds,
    memoryBytes: spec.limits.memoryBytes,
    port: boundPort(spec),
    harness: payload === null ? null : { secret: spec.secret, header: RUNNER_SECRET_HEADER, dir: context.dir, payload },
  };
}

/** The port that the app's server binds by itself, null for one that the SDK serves. */
export function boundPort(spec: RunnerSpec): number | null {
  return spec.payload.kind === 'command' ? spec.payload.port : spec.exposedPort;
}

function harnessPayload({ payload }: RunnerSpec): HarnessPayload | null {
  switch (payload.kind) {
    case 'command':
      return null;
    case 'pickle':
      return { kind: 'pickle', file: payload.file };
    case 'entrypoint':
      return { kind: 'entrypoint', entrypoint: payload.entrypoint };
    case 'source':
      return {
        kind: 'source',
        file: payload.file,
        symbol: payload.symbol,
        roots: [...new Set([payload.bundle.root, ...payload.bundle.guarded])],
        modules: payload.bundle.modules,
        // Of thousands of files the whole list would not fit into one frame.
        files: payload.bundle.files.map((file) => file.from).filter((file) => IMPORTABLE.test(file)),
        workPath: payload.bundle.files.length === 0 ? [] : ['.', path.relative(ownCwd(payload.bundle), '') || '.'],
      };
  }
}

function environment(spec: RunnerSpec, python: string, context: StartContext): Record<string, string> {
  const merged: Record<string, string> = { ...context.parentEnv, ...spec.env };
  const bin = path.dirname(python);
  const hosts = [...FAL_HOSTS, ...context.hosts];
  const direct = noProxy(merged.NO_PROXY ?? merged.no_proxy, hosts);
  const site = path.join(context.harnessDir, 'site');
  const devices = spec.gpus.join(',');
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
    ...(devices === '' ? {} : { CUDA_VISIBLE_DEVICES: devices, NVIDIA_VISIBLE_DEVICES: devices }),
    // The mark by which a sweep knows processes of a runner whose agent was killed.
    WINDTUNNEL_RUNNER: spec.id,
    WINDTUNNEL_HOSTS: hosts.join(','),
    WINDTUNNEL_GATEWAY: `127.0.0.1:${context.gatewayPort},localhost:${context.gatewayPort}`,
  };
}

function noProxy(given: string | undefined, hosts: readonly string[]): string {
  const names = hosts.flatMap((host) => [host, `.${host}`]);
  return [given, 'localhost', '127.0.0.1', ...names].filter(Boolean).join(',');
}

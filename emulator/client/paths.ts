import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** The facts about the machine and user that paths depend on; `env` is passed in, never read here. */
export interface Host {
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  home: string;
  uid: number;
}

export interface UserPaths {
  /** Per-user root of everything Windtunnel keeps. */
  root: string;
  /** What apps see as /data, shared by all workspaces. */
  data: string;
  /** Cached environments. */
  envs: string;
  secrets: string;
  /** Sockets: a short path, since a unix socket's is limited to 104 bytes on macOS and 108 on Linux. */
  runtime: string;
}

export interface WorkspacePaths {
  user: UserPaths;
  /** Real path of the workspace. */
  workspace: string;
  /** State folder of this workspace: everything below but the sockets. */
  state: string;
  /** Requests and results. */
  store: string;
  /** The local CDN's files. */
  files: string;
  keys: string;
  registry: string;
  lock: string;
  ca: string;
  socket: string;
  /** Short folder for the runners' sockets. */
  runners: string;
  log: string;
}

/** Where things of the user live (design §3); `WINDTUNNEL_HOME` moves all of it but the sockets. */
export function userPaths(host: Host): UserPaths {
  const root = userRoot(host);
  return {
    root,
    data: join(root, 'data'),
    envs: join(root, 'envs'),
    secrets: join(root, 'secrets.json'),
    runtime: runtimeFolder(host),
  };
}

/** Where things of one workspace live. `workspace` is its real path (links resolved). */
export function workspacePaths(host: Host, workspace: string): WorkspacePaths {
  const user = userPaths(host);
  const key = createHash('sha256').update(workspace).digest('hex').slice(0, 16);
  const state = join(user.root, 'workspaces', key);
  // The root is part of the socket's name: two roots (a test's and the user's) may serve one workspace at a time.
  const socketKey = createHash('sha256').update(`${user.root}\0${workspace}`).digest('hex').slice(0, 16);
  return {
    user,
    workspace,
    state,
    store: join(state, 'store'),
    files: join(state, 'files'),
    keys: join(state, 'keys.json'),
    registry: join(state, 'registry.json'),
    lock: join(state, 'emulator.lock'),
    ca: join(state, 'ca'),
    socket: join(user.runtime, `${socketKey}.sock`),
    runners: join(user.runtime, socketKey),
    log: join(state, 'emulator.log'),
  };
}

function userRoot(host: Host): string {
  const { env } = host;
  if (env.WINDTUNNEL_HOME) return env.WINDTUNNEL_HOME;
  if (host.platform === 'darwin') return join(host.home, 'Library', 'Application Support', 'windtunnel');
  return join(env.XDG_STATE_HOME || join(host.home, '.local', 'state'), 'windtunnel');
}

function runtimeFolder(host: Host): string {
  const xdg = host.env.XDG_RUNTIME_DIR;
  if (xdg && xdg.length < 60) return join(xdg, 'windtunnel');
  return `/tmp/windtunnel-${host.uid}`;
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RegistryEntry } from '../contract/index.ts';
import { VERSION, WindtunnelError } from '../contract/index.ts';
import { ControlClient } from './control-client.ts';
import { type Host, userPaths, workspacePaths } from './paths.ts';
import { readRegistry } from './registry.ts';

export interface Found {
  client: ControlClient;
  entry: RegistryEntry;
}

/** The emulator that runs for a workspace, or null. `WINDTUNNEL_URL` names one by its public port, of any workspace. */
export function findEmulator(host: Host, workspace: string): Found | null {
  const url = host.env.WINDTUNNEL_URL;
  const entry = url ? entryByUrl(host, url) : readRegistry(workspacePaths(host, workspace));
  return entry && { client: new ControlClient({ socket: entry.socket, token: entry.token }), entry };
}

/** As `findEmulator`, after a check of its version. Rejects with E_EMULATOR_DOWN or E_EMULATOR_VERSION. */
export async function connectEmulator(host: Host, workspace: string): Promise<Found> {
  const found = findEmulator(host, workspace);
  if (!found) {
    throw new WindtunnelError('E_EMULATOR_DOWN', `No emulator runs for ${workspace}.`, {
      hint: `Start it with \`windtunnel up\` or \`windtunnel run FILE.py\`; ${others(host)}.`,
      actions: ['windtunnel up'],
    });
  }
  const hello = await found.client.hello();
  if (hello.version !== VERSION) throw versionMismatch(hello.version);
  return found;
}

/** The error of either side when versions differ. */
export function versionMismatch(running: string, other = VERSION): WindtunnelError {
  return new WindtunnelError(
    'E_EMULATOR_VERSION',
    `The running emulator is version ${running}, this command is ${other}.`,
    { hint: 'Restart it: `windtunnel down && windtunnel up`.', actions: ['windtunnel down', 'windtunnel up'] },
  );
}

function others(host: Host): string {
  const folders = runningEntries(host).map(({ workspace }) => `\`--workspace ${workspace}\``);
  if (folders.length === 0) return '`--workspace DIR` names another folder';
  return `${folders.join(' and ')} ${folders.length === 1 ? 'names the one that runs' : 'name those that run'}`;
}

/** Those of all workspaces of this user. */
function runningEntries(host: Host): RegistryEntry[] {
  const folder = join(userPaths(host).root, 'workspaces');
  return listFolder(folder).flatMap((key) => {
    const files = { registry: join(folder, key, 'registry.json'), lock: join(folder, key, 'emulator.lock') };
    return readRegistry(files) ?? [];
  });
}

function entryByUrl(host: Host, url: string): RegistryEntry {
  const wanted = normalUrl(url);
  const found = runningEntries(host).find((entry) => normalUrl(entry.url) === wanted);
  if (found) return found;
  throw new WindtunnelError('E_EMULATOR_DOWN', `No emulator of this user answers at WINDTUNNEL_URL=${url}.`, {
    hint: 'Unset WINDTUNNEL_URL to find the emulator by folder, or start one with `windtunnel up`.',
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function normalUrl(url: string): string {
  try {
    const { port } = new URL(url);
    return `127.0.0.1:${port}`;
  } catch (cause) {
    throw new WindtunnelError('E_USAGE', `WINDTUNNEL_URL is not a URL: ${url}`, { cause });
  }
}

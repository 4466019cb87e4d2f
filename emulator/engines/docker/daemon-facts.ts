import type Docker from 'dockerode';
import * as z from 'zod/mini';
import type { DaemonAddress } from './daemon-candidates.ts';
import { dialJson } from './dial.ts';

/** What a daemon says of itself. */
export interface DaemonFacts {
  kind: 'docker' | 'podman';
  version: string;
  /** As numbers, to compare. */
  apiVersion: readonly [major: number, minor: number];
  memoryBytes: number;
  cpus: number;
  /** `linux/amd64`. */
  platform: string;
  runtimes: readonly string[];
  /** Names of devices by the Container Device Interface. */
  cdiDevices: readonly string[];
  /** It understands CDI at all: such a request is not refused for its form. */
  cdi: boolean;
  /** The daemon sees this machine's files: a folder of ours can be mounted. */
  sharesFiles: boolean;
  rootless: boolean;
  /** MTU of its networks, null for the default. */
  mtu: string | null;
}

const VersionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Components: z.optional(z.nullable(z.array(z.object({ Name: z.string() })))),
});
const InfoSchema = z.object({
  MemTotal: z.number(),
  NCPU: z.number(),
  OSType: z.optional(z.string()),
  Architecture: z.optional(z.string()),
  Runtimes: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
  CDISpecDirs: z.optional(z.nullable(z.array(z.string()))),
  DiscoveredDevices: z.optional(z.nullable(z.array(z.object({ Source: z.string(), ID: z.string() })))),
  SecurityOptions: z.optional(z.nullable(z.array(z.string()))),
});
const BridgeSchema = z.object({ Options: z.optional(z.nullable(z.record(z.string(), z.string()))) });

const MTU = 'com.docker.network.driver.mtu';
const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };

/** Asks the daemon. Rejects with what the connection failed with. */
export async function readFacts(docker: Docker, address: DaemonAddress, signal: AbortSignal): Promise<DaemonFacts> {
  const [version, info, bridge] = await Promise.all([
    dialJson(docker, { path: '/version', schema: VersionSchema, signal }),
    dialJson(docker, { path: '/info', schema: InfoSchema, signal }),
    // Podman has no network of that name, and a daemon may be set to make none.
    dialJson(docker, { path: '/networks/bridge', schema: BridgeSchema, signal, missing: { Options: {} } }),
  ]);
  const [major = 1, minor = 0] = version.ApiVersion.split('.').map(Number);
  const podman = (version.Components ?? []).some(({ Name }) => Name === 'Podman Engine');
  const architecture = info.Architecture ?? 'x86_64';
  return {
    kind: podman ? 'podman' : 'docker',
    version: version.Version,
    apiVersion: [major, minor],
    memoryBytes: info.MemTotal,
    cpus: info.NCPU,
    platform: `${info.OSType ?? 'linux'}/${ARCHITECTURES[architecture] ?? architecture}`,
    runtimes: Object.keys(info.Runtimes ?? {}),
    cdiDevices: (info.DiscoveredDevices ?? []).filter(({ Source }) => Source === 'cdi').map(({ ID }) => ID),
    cdi: podman ? atLeast(version.Version, 5, 5) : (info.CDISpecDirs ?? []).length > 0,
    sharesFiles: address.kind === 'socket',
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
    mtu: bridge.Options?.[MTU] ?? null,
  };
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

/** Domains of fal that the emulator answers for, with all their subdomains; falrun.com is the clients' backup since fal_client 1.0. */
export const FAL_ZONES = ['fal.ai', 'fal.run', 'fal.media', 'falrun.com', 'fal.dev'] as const;

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '::1'];

export interface HostPort {
  /** Lower-case, without brackets and trailing dot. */
  host: string;
  port: number | null;
}

/** `host`, `host:port` or `[v6]:port`, as in a Host header or a CONNECT target; null for anything else. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(text);
  const name = match?.[1] ?? match?.[2];
  if (name === undefined) return null;
  const port = match?.[3] === undefined ? null : Number(match[3]);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  const host = name.toLowerCase().replace(/\.$/, '');
  return host === '' ? null : { host, port };
}

/** Whether a lower-case host name is one of fal's. */
export function isFalHost(host: string): boolean {
  return FAL_ZONES.some((zone) => host === zone || host.endsWith(`.${zone}`));
}

/** Whether a lower-case host name or address without brackets is this machine's loopback under a name that we serve. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK_HOSTS.includes(host);
}

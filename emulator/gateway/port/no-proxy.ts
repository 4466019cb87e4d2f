import { BlockList, isIP, isIPv4 } from 'node:net';
import { FAL_ZONES } from './hosts.ts';

export interface NoProxyList {
  /** Entries as written, in order. */
  entries: string[];
  /** Whether a proxy is bypassed for this lower-case host or address. */
  matches(host: string, port: number): boolean;
}

/** Parses a NO_PROXY value: comma or space separated names (with their subdomains), addresses, CIDR blocks, `:port`, `*`. */
export function parseNoProxy(value: string): NoProxyList {
  const entries = value.split(/[,\s]+/).filter((entry) => entry !== '');
  const rules = entries.map(rule);
  return { entries, matches: (host, port) => rules.some((matches) => matches(host, port)) };
}

/**
 * Whether an entry can make some client bypass the proxy for a fal host. Clients disagree: requests and gRPC compare plain
 * suffixes (`n` matches fal.run), httpx reads `https://` as "everything", curl and Python read `*` so. What is dropped by
 * mistake costs nothing: the request then comes to the port, which applies the whole original list to other hosts.
 */
export function leaksFal(entry: string): boolean {
  if (isIP(entry) !== 0 || cidr(entry) !== null) return false;
  const name = entry
    .toLowerCase()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//, '')
    .replace(/\/.*$/, '')
    .replace(/:\d*$/, '')
    .replace(/^[*.]+/, '')
    .replace(/\.+$/, '');
  if (name === '' || name.includes('*')) return true;
  return FAL_ZONES.some((zone) => zone.endsWith(name) || name.endsWith(`.${zone}`));
}

function rule(entry: string): (host: string, port: number) => boolean {
  if (entry === '*') return () => true;
  const block = cidr(entry);
  if (block) return block;
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry);
  const named = isIP(entry) ? null : /^([^:]+):(\d+)$/.exec(entry);
  const onlyPort = bracketed?.[2] ?? named?.[2];
  const name = (bracketed?.[1] ?? named?.[1] ?? entry)
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  return (host, port) =>
    (onlyPort === undefined || Number(onlyPort) === port) &&
    (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function cidr(entry: string): ((host: string) => boolean) | null {
  const [address = '', bits = ''] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) return null;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return (host) => isIP(host) !== 0 && list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}

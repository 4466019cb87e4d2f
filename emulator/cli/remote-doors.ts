import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import { parseHostPort } from '../gateway/port/hosts.ts';
import type { RemoteAddress } from '../gateway/port/port.ts';
import { makeCa, makeLeaf } from '../gateway/port/x509.ts';

const DAY = 86_400_000;
// Within the 398 days that Apple's verifiers allow a leaf.
const DAYS = 397;
const EVERYWHERE = ['0.0.0.0', '::'];

export interface RemoteDoors {
  addresses: RemoteAddress[];
  /** `https://HOST:PORT`, as it was asked for. */
  url: string;
  /** The certificate that other machines trust: it signed the port's own and, its key thrown away, never another. */
  caFile: string;
}

const KeptSchema = z.object({ names: z.array(z.string()), ca: z.string(), cert: z.string(), key: z.string() });
type Kept = z.infer<typeof KeptSchema>;

/**
 * Where `--listen HOST[:PORT]` lets other machines in: the addresses of HOST on this machine, or all of them for 0.0.0.0.
 * Throws E_LISTEN. `port` is that of the public port, the default; the certificate is kept in `dir`.
 */
export async function remoteDoors(
  listen: string,
  { port, dir, clock }: { port: number; dir: string; clock: Clock },
): Promise<RemoteDoors> {
  const asked = parseListen(listen);
  const own = ownAddresses();
  const found = EVERYWHERE.includes(asked.host) ? own : (await addressesOf(asked.host)).filter((a) => own.includes(a));
  if (found.length === 0) {
    throw new WindtunnelError('E_LISTEN', `${asked.host} is no address of this machine that others reach.`, {
      hint: own.length > 0 ? `It has ${own.join(', ')}.` : 'It has none but loopback.',
    });
  }
  const host = isIP(asked.host) === 0 ? asked.host : found[0]!;
  const names = [...new Set([host, hostname().toLowerCase(), ...found])];
  const kept = certificateFor(names, dir, clock);
  const leaf = { cert: kept.cert, key: kept.key };
  const at = asked.port ?? port;
  return {
    addresses: found.map((address) => ({ host: address, port: at, names: new Set(names), leaf })),
    url: `https://${host.includes(':') ? `[${host}]` : host}:${at}`,
    caFile: join(dir, 'remote-ca.pem'),
  };
}

function parseListen(text: string): { host: string; port: number | null } {
  const named = isIP(text) === 6 ? { host: text.toLowerCase(), port: null } : parseHostPort(text);
  if (named) return named;
  throw new WindtunnelError('E_LISTEN', `Not an address to listen on: ${JSON.stringify(text)}`, {
    hint: 'Name an address or host name of this machine, with a port if you like: --listen 192.168.1.5:8799',
  });
}

/** Addresses of this machine that another one may reach. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  // A link-local IPv6 address is none without the name of its interface.
  return all.filter(({ internal, address }) => !internal && !/^fe80:/i.test(address)).map(({ address }) => address);
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new WindtunnelError('E_LISTEN', `The host name ${host} has no address.`, { cause });
  }
}

/** Kept while it is for all these names, so that other machines need it once. */
function certificateFor(names: string[], dir: string, clock: Clock): Kept {
  const file = join(dir, 'remote.json');
  const before = existsSync(file) ? readKept(file) : null;
  const lasts = (kept: Kept) => new X509Certificate(kept.cert).validToDate.getTime() > clock.now() + 30 * DAY;
  if (before && names.every((name) => before.names.includes(name)) && lasts(before)) return before;
  const period = { from: clock.now() - DAY, until: clock.now() + DAYS * DAY };
  const dns = names.filter((name) => isIP(name) === 0);
  // No IP addresses among the constraints: BoringSSL (gRPC) refuses a leaf with an address under a CA that has them.
  const ca = makeCa({ dns, ips: [] }, period);
  const leaf = makeLeaf(ca, { dns, ips: names.filter((name) => isIP(name) !== 0) }, period);
  const kept = { names, ca: ca.cert, cert: leaf.cert, key: leaf.key };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  replaceFile(file, JSON.stringify(kept), 0o600);
  replaceFile(join(dir, 'remote-ca.pem'), ca.cert, 0o644);
  return kept;
}

/** Null for one that is damaged: another is made. */
function readKept(file: string): Kept | null {
  try {
    return KeptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.core.$ZodError) return null;
    throw error;
  }
}

function replaceFile(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode });
  chmodSync(temporary, mode); // the mode above is ignored for a file that a crash left behind
  renameSync(temporary, file);
}

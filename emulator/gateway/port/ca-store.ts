import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { FAL_ZONES } from './hosts.ts';
import { type Credentials, makeCa, makeLeaf, type SubjectNames } from './x509.ts';

const DAY = 86_400_000;
const CA_DAYS = 3650;
// Within the 398 days that Apple's verifiers allow a leaf.
const LEAF_DAYS = 397;
// A clock that is a little behind (a VM that slept) must not make a fresh certificate "not yet valid".
const BACKDATE = DAY;

/** What the CA may sign for. */
export const CA_SCOPE: SubjectNames = { dns: [...FAL_ZONES, 'localhost'], ips: ['127.0.0.1', '::1'] };

const LEAF_NAMES: SubjectNames = {
  // A wildcard covers one label; api.alpha.fal.ai and rest.alpha.fal.ai have two.
  dns: [...FAL_ZONES.flatMap((zone) => [zone, `*.${zone}`]), '*.alpha.fal.ai', 'localhost'],
  ips: [],
};
const LEAF_ADDRESSES: SubjectNames = { dns: [], ips: ['127.0.0.1', '::1'] };

export interface StoredCa extends Credentials {
  /** File with the certificate alone, for clients to trust. */
  certFile: string;
}

/**
 * The workspace's CA, made at first use and again when it is damaged or would not outlive a leaf issued now. The private
 * key stays in `<dir>/ca-key.pem` (0600), the certificate for clients is `<dir>/ca.pem`.
 */
export function loadOrMakeCa(dir: string, clock: Clock, log: Log): StoredCa {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const keyFile = join(dir, 'ca-key.pem');
  const certFile = join(dir, 'ca.pem');
  let ca: Credentials | null = null;
  if (existsSync(keyFile)) {
    const stored = readFileSync(keyFile, 'utf8');
    const reason = unusable(stored, clock.now());
    if (reason === null) {
      chmodSync(keyFile, 0o600);
      ca = split(stored);
    } else {
      log.warn('The local CA is replaced: clients started before this do not trust the new one', { reason });
    }
  }
  if (ca === null) {
    ca = makeCa(CA_SCOPE, validity(clock, CA_DAYS));
    // Key and certificate in one file: they can't come apart when the machine dies between two writes.
    replaceFile(keyFile, ca.key + ca.cert, 0o600);
  }
  if (!existsSync(certFile) || readFileSync(certFile, 'utf8') !== ca.cert) replaceFile(certFile, ca.cert, 0o644);
  return { ...ca, certFile };
}

/** The two server certificates of a port: one for names, one for clients that connect by address and send no SNI. */
export function issueLeaves(ca: Credentials, clock: Clock): { names: Credentials; addresses: Credentials } {
  const period = validity(clock, LEAF_DAYS);
  return { names: makeLeaf(ca, LEAF_NAMES, period), addresses: makeLeaf(ca, LEAF_ADDRESSES, period) };
}

function validity(clock: Clock, days: number): { from: number; until: number } {
  return { from: clock.now() - BACKDATE, until: clock.now() + days * DAY };
}

function split(stored: string): Credentials {
  const at = stored.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: stored.slice(0, at), cert: stored.slice(at) };
}

/** Why a stored CA can't be used, null where it can. */
function unusable(stored: string, now: number): string | null {
  const { key, cert } = split(stored);
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'its key and certificate do not belong together';
    if (certificate.validToDate.getTime() < now + LEAF_DAYS * DAY) return `it expires on ${certificate.validTo}`;
    return null;
  } catch (error) {
    return `ca-key.pem is damaged: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function replaceFile(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode });
  chmodSync(temporary, mode); // the mode above is ignored for a file that a crash left behind
  renameSync(temporary, file);
}

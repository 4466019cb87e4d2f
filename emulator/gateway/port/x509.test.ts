import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { CA_SCOPE, issueLeaves } from './ca-store.ts';
import { type Credentials, makeCa, makeLeaf, type SubjectNames } from './x509.ts';

const DAY = 86_400_000;
const now = systemClock.now();
const validity = { from: now - DAY, until: now + 400 * DAY };
const ca = makeCa(CA_SCOPE, validity);
const leaves = issueLeaves(ca, systemClock);
const dir = mkdtempSync(join(tmpdir(), 'windtunnel-x509-'));
afterAll(() => rmSync(dir, { recursive: true }));

function verify(leaf: Credentials, ...name: string[]): string {
  writeFileSync(join(dir, 'ca.pem'), ca.cert);
  writeFileSync(join(dir, 'leaf.pem'), leaf.cert);
  const args = [
    'verify',
    '-x509_strict',
    '-purpose',
    'sslserver',
    ...name,
    '-CAfile',
    join(dir, 'ca.pem'),
    join(dir, 'leaf.pem'),
  ];
  try {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

/** `ok`, or the code of the error with which a Node client refuses the certificate. */
function nodeClient(leaf: Credentials, host: string): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer({ key: leaf.key, cert: leaf.cert }, (socket) => socket.end());
    server.on('tlsClientError', () => undefined); // the client's refusal, looked at on its side
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const name = /^[\d.]+$/.test(host) ? {} : { servername: host };
      const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, ...name });
      const end = (result: string) => {
        socket.destroy();
        server.close(() => resolve(result));
      };
      socket.once('secureConnect', () => end('ok'));
      socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    });
  });
}

describe('the local CA and its leaves', () => {
  it.each(['fal.run', 'queue.fal.run', 'v3.fal.media', 'rest.alpha.fal.ai', 'queue.falrun.com', 'localhost'])(
    'openssl accepts the leaf for %s',
    (host) => {
      expect(verify(leaves.names, '-verify_hostname', host)).toContain(': OK');
    },
  );

  it('openssl accepts the leaf for loopback addresses', () => {
    expect(verify(leaves.addresses, '-verify_ip', '127.0.0.1')).toContain(': OK');
    expect(verify(leaves.addresses, '-verify_ip', '::1')).toContain(': OK');
  });

  it.each<[string, SubjectNames]>([
    ['a foreign name', { dns: ['example.com'], ips: [] }],
    ['a foreign name beside one of ours', { dns: ['fal.run', 'example.com'], ips: [] }],
    ['a look-alike', { dns: ['notfal.run'], ips: [] }],
    ['a foreign address', { dns: [], ips: ['10.0.0.1'] }],
    ['a foreign v6 address', { dns: [], ips: ['2001:db8::1'] }],
  ])('%s signed by our CA is refused by openssl and Node', async (_, names) => {
    const leaf = makeLeaf(ca, names, validity);
    expect(verify(leaf)).toContain('permitted subtree violation');
    expect(await nodeClient(leaf, names.dns.at(-1) ?? '127.0.0.1')).not.toBe('ok');
  });

  it('Node connects by name and by address', async () => {
    expect(await nodeClient(leaves.names, 'queue.fal.run')).toBe('ok');
    expect(await nodeClient(leaves.addresses, '127.0.0.1')).toBe('ok');
  });

  it('a certificate signed by a leaf is refused: the CA has no sub-authorities', () => {
    const forged = makeLeaf(leaves.names, { dns: ['fal.run'], ips: [] }, validity);
    writeFileSync(join(dir, 'chain.pem'), leaves.names.cert);
    writeFileSync(join(dir, 'ca.pem'), ca.cert);
    writeFileSync(join(dir, 'leaf.pem'), forged.cert);
    const args = [
      'verify',
      '-CAfile',
      join(dir, 'ca.pem'),
      '-untrusted',
      join(dir, 'chain.pem'),
      join(dir, 'leaf.pem'),
    ];
    expect(() => execFileSync('openssl', args, { stdio: 'pipe' })).toThrow();
  });

  it('never puts addresses beside names, which gRPC refuses, nor a host into the common name', () => {
    const names = new X509Certificate(leaves.names.cert);
    const addresses = new X509Certificate(leaves.addresses.cert);
    expect(names.subjectAltName).not.toContain('IP Address');
    expect(addresses.subjectAltName).not.toContain('DNS');
    expect(names.subject).toBe('CN=Windtunnel leaf');
  });

  it('writes times on both sides of 2050 so that they read back', () => {
    for (const until of [Date.UTC(2049, 11, 31, 23, 59, 59), Date.UTC(2050, 0, 1), Date.UTC(2060, 5, 1)]) {
      const certificate = new X509Certificate(makeCa(CA_SCOPE, { from: now, until }).cert);
      expect(certificate.validToDate.getTime()).toBe(until);
    }
  });
});

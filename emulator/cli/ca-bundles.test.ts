import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRoots } from '../gateway/port/bundle.ts';
import { makeCaBundles } from './ca-bundles.ts';

const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;
let dir: string;
let state: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'windtunnel-bundles-'));
  state = join(dir, 'state');
});
afterEach(() => rmSync(dir, { recursive: true }));

const make = (env: Record<string, string>) =>
  makeCaBundles(env, { ca: pem('OURS'), dir: state, system: () => `# system\n${pem('SYSTEM')}\n` });
const names = (file: string | undefined) =>
  [...readFileSync(file ?? '', 'utf8').matchAll(/^[A-Z]+$/gm)].map(([name]) => name);
function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

describe('makeCaBundles', () => {
  it('adds ours to the system roots where a variable replaces them, and gives ours alone where it adds', () => {
    const { files, notes } = make({});
    expect(Object.fromEntries(Object.entries(files).map(([name, path]) => [name, names(path)]))).toEqual({
      SSL_CERT_FILE: ['OURS', 'SYSTEM'],
      REQUESTS_CA_BUNDLE: ['OURS', 'SYSTEM'],
      CURL_CA_BUNDLE: ['OURS', 'SYSTEM'],
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ['OURS', 'SYSTEM'],
      NODE_EXTRA_CA_CERTS: ['OURS'],
      DENO_CERT: ['OURS'],
    });
    expect(notes).toEqual([]);
    expect(readdirSync(state)).toHaveLength(2);
  });

  it("keeps each variable's own bundle, comments and repeats left out", () => {
    const corp = file(
      'corp.pem',
      `corp root\n${pem('CORP')}\r\n${pem('CORP')}\n-----BEGIN PRIVATE KEY-----\nX\n-----END PRIVATE KEY-----`,
    );
    const node = file('node.pem', pem('NODE'));
    const { files } = make({ SSL_CERT_FILE: corp, NODE_EXTRA_CA_CERTS: node, NIX_SSL_CERT_FILE: corp });
    expect(names(files.SSL_CERT_FILE)).toEqual(['OURS', 'CORP']);
    expect(names(files.NIX_SSL_CERT_FILE)).toEqual(['OURS', 'CORP']);
    expect(names(files.NODE_EXTRA_CA_CERTS)).toEqual(['OURS', 'NODE']);
    expect(names(files.CURL_CA_BUNDLE)).toEqual(['OURS', 'SYSTEM']);
    expect(readFileSync(files.SSL_CERT_FILE ?? '', 'utf8')).not.toContain('PRIVATE');
  });

  it('reads a folder of certificates, for SSL_CERT_DIR and requests', () => {
    const folder = join(dir, 'certs');
    mkdirSync(join(folder, 'sub'), { recursive: true });
    writeFileSync(join(folder, 'a.0'), pem('FIRST'));
    writeFileSync(join(folder, 'b.crt'), pem('SECOND'));
    const { files } = make({ SSL_CERT_DIR: folder, REQUESTS_CA_BUNDLE: folder });
    expect(names(files.SSL_CERT_FILE)).toEqual(['OURS', 'FIRST', 'SECOND']);
    expect(names(files.REQUESTS_CA_BUNDLE)).toEqual(['OURS', 'FIRST', 'SECOND']);
  });

  it('says what it could not read and takes the system roots then', () => {
    const empty = file('empty.pem', 'nothing here');
    const { files, notes } = make({ SSL_CERT_FILE: join(dir, 'gone.pem'), CURL_CA_BUNDLE: empty });
    expect(names(files.SSL_CERT_FILE)).toEqual(['OURS', 'SYSTEM']);
    expect(names(files.CURL_CA_BUNDLE)).toEqual(['OURS', 'SYSTEM']);
    expect(notes).toEqual([
      `SSL_CERT_FILE names ${join(dir, 'gone.pem')}, which cannot be read (ENOENT); it is left out.`,
      `CURL_CA_BUNDLE names ${empty}, which holds no certificate; it is left out.`,
    ]);
  });

  it('gives the same file for the same content', () => {
    expect(make({}).files).toEqual(make({}).files);
    expect(readdirSync(state)).toHaveLength(2);
  });
});

describe('systemRoots', () => {
  it('falls back to the Mozilla list of Node', () => {
    expect(systemRoots([join(dir, 'none')])).toBe(rootCertificates.join('\n'));
    expect(systemRoots([join(dir, 'none'), file('roots.pem', pem('ROOT'))])).toBe(pem('ROOT'));
  });
});

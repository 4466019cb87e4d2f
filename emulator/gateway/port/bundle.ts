import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

/** Where systems keep their roots as one file: Debian, Fedora, openSUSE, Alpine and macOS, FreeBSD. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/usr/local/etc/ssl/cert.pem',
];

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** The roots that this machine's programs trust, PEM: the system's file, else the Mozilla list that Node ships. */
export function systemRoots(candidates: readonly string[] = SYSTEM_BUNDLES): string {
  const file = candidates.find((candidate) => existsSync(candidate));
  return file === undefined ? rootCertificates.join('\n') : readFileSync(file, 'utf8');
}

/**
 * The certificates of a file, or of a folder as SSL_CERT_DIR or requests take one; comments and keys are left out. Throws the
 * system's error when it can't be read; an empty string when it holds none.
 */
export function readRoots(path: string): string {
  const texts = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isFile() ?? false)
        .map((name) => readFileSync(join(path, name), 'utf8'))
    : [readFileSync(path, 'utf8')];
  return texts.flatMap((text) => text.match(CERTIFICATE) ?? []).join('\n');
}

/** Ours first, then the others, each certificate once. */
export function composeBundle(ca: string, others: string): string {
  const all = `${ca}\n${others}`.replaceAll('\r\n', '\n').match(CERTIFICATE) ?? [];
  return `${[...new Set(all)].join('\n')}\n`;
}

/** Writes a bundle under a name made of its content, once, and returns its path: a client never reads a half-written one. */
export function storeBundle(dir: string, bundle: string): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const name = `bundle-${createHash('sha256').update(bundle).digest('hex').slice(0, 16)}.pem`;
  const file = join(dir, name);
  if (!existsSync(file)) {
    const temporary = `${file}.${process.pid}.new`;
    writeFileSync(temporary, bundle, { mode: 0o644 });
    renameSync(temporary, file);
  }
  return file;
}

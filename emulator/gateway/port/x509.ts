import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIPv6 } from 'node:net';

/** A certificate (with its chain, for a leaf) and its private key, both PEM. */
export interface Credentials {
  cert: string;
  key: string;
}

/** DNS names and IP addresses; for a CA those it may sign for, for a leaf those it is for. */
export interface SubjectNames {
  dns: readonly string[];
  ips: readonly string[];
}

export interface Validity {
  /** ms since the epoch. */
  from: number;
  until: number;
}

export const CA_COMMON_NAME = 'Windtunnel local CA';
// Not host-like: without a DNS SAN OpenSSL checks the CN against the CA's name constraints as if it were one.
const LEAF_COMMON_NAME = 'Windtunnel leaf';

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0x80,
  context2: 0x82,
  context7: 0x87,
  explicit0: 0xa0,
  explicit3: 0xa3,
} as const;

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** A self-signed P-256 CA that may sign only for `permitted` (critical name constraints), and for leaves alone. */
export function makeCa(permitted: SubjectNames, validity: Validity): Credentials {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subtrees = [
    ...permitted.dns.map((name) => sequence(dnsName(name))),
    ...permitted.ips.map((address) => {
      const octets = addressOctets(address);
      return sequence(tlv(TAG.context7, octets, Buffer.alloc(octets.length, 0xff)));
    }),
  ];
  const cert = certificate({
    subject: CA_COMMON_NAME,
    publicKey: pair.publicKey,
    signer: pair.privateKey,
    validity,
    extensions: [
      extension(OID.basicConstraints, 'critical', sequence(boolean(true), integer(Buffer.from([0])))),
      extension(OID.keyUsage, 'critical', bitString(Buffer.from([0b0000_0110]), 1)),
      extension(OID.subjectKeyIdentifier, 'plain', tlv(TAG.octetString, keyIdentifier(pair.publicKey))),
      extension(OID.nameConstraints, 'critical', sequence(tlv(TAG.explicit0, ...subtrees))),
    ],
  });
  return { cert, key: privateKeyPem(pair.privateKey) };
}

/**
 * A server certificate signed by `ca`, with a key of its own. Never give one leaf both names and addresses: BoringSSL (gRPC)
 * refuses any leaf with an IP SAN under a CA with IP constraints.
 */
export function makeLeaf(ca: Credentials, names: SubjectNames, validity: Validity): Credentials {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const altNames = [
    ...names.dns.map(dnsName),
    ...names.ips.map((address) => tlv(TAG.context7, addressOctets(address))),
  ];
  const cert = certificate({
    subject: LEAF_COMMON_NAME,
    publicKey: pair.publicKey,
    signer: createPrivateKey(ca.key),
    validity,
    extensions: [
      extension(OID.basicConstraints, 'critical', sequence()),
      extension(OID.keyUsage, 'critical', bitString(Buffer.from([0b1000_0000]), 7)),
      extension(OID.extendedKeyUsage, 'plain', sequence(oid(OID.serverAuth))),
      extension(OID.subjectAltName, 'plain', sequence(...altNames)),
      extension(
        OID.authorityKeyIdentifier,
        'plain',
        sequence(tlv(TAG.context0, keyIdentifier(createPublicKey(ca.cert)))),
      ),
      extension(OID.subjectKeyIdentifier, 'plain', tlv(TAG.octetString, keyIdentifier(pair.publicKey))),
    ],
  });
  return { cert: cert + ca.cert, key: privateKeyPem(pair.privateKey) };
}

function certificate(parts: {
  subject: string;
  publicKey: KeyObject;
  signer: KeyObject;
  validity: Validity;
  extensions: Buffer[];
}): string {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    tlv(TAG.explicit0, integer(Buffer.from([2]))), // version 3
    integer(serialNumber()),
    algorithm,
    commonName(CA_COMMON_NAME),
    sequence(time(parts.validity.from), time(parts.validity.until)),
    commonName(parts.subject),
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(TAG.explicit3, sequence(...parts.extensions)),
  );
  const der = sequence(body, algorithm, bitString(sign('sha256', body, parts.signer), 0));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01; // positive, and no leading zero octet
  return serial;
}

function keyIdentifier(key: KeyObject): Buffer {
  // RFC 5280 4.2.1.2 (1): SHA-1 of the public point, the last 65 bytes of a P-256 SPKI.
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }).subarray(-65))
    .digest();
}

function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function addressOctets(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function tlv(tag: number, ...content: Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const n = value.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

function sequence(...content: Buffer[]): Buffer {
  return tlv(TAG.sequence, ...content);
}

function boolean(value: boolean): Buffer {
  return tlv(TAG.boolean, Buffer.from([value ? 0xff : 0x00]));
}

function integer(bytes: Buffer): Buffer {
  const negative = ((bytes[0] ?? 0) & 0x80) !== 0;
  return negative ? tlv(TAG.integer, Buffer.from([0]), bytes) : tlv(TAG.integer, bytes);
}

function bitString(bytes: Buffer, unusedBits: number): Buffer {
  return tlv(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const base128 = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) base128.unshift((left & 0x7f) | 0x80);
    bytes.push(...base128);
  }
  return tlv(TAG.oid, Buffer.from(bytes));
}

function time(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  // RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
  return digits < '2050'
    ? tlv(TAG.utcTime, Buffer.from(digits.slice(2)))
    : tlv(TAG.generalizedTime, Buffer.from(digits));
}

function commonName(text: string): Buffer {
  return sequence(tlv(TAG.set, sequence(oid(OID.commonName), tlv(TAG.utf8String, Buffer.from(text)))));
}

function dnsName(name: string): Buffer {
  return tlv(TAG.context2, Buffer.from(name, 'latin1'));
}

function extension(id: string, importance: 'critical' | 'plain', value: Buffer): Buffer {
  const critical = importance === 'critical' ? [boolean(true)] : [];
  return sequence(oid(id), ...critical, tlv(TAG.octetString, value));
}

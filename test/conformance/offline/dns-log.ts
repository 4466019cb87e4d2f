import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
/** QR and RA set, RCODE 3: there is no such name (RFC 1035, 4.1.1). */
const NXDOMAIN = 0x8083;
const RECURSION_DESIRED = 0x0100;

export interface DnsLog {
  /** Names asked for, lower case, in order. */
  names: string[];
  close(): void;
}

/** A name server at 127.0.0.1:53 that knows no name and remembers who was asked for. */
export async function startDnsLog(): Promise<DnsLog> {
  const names: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, end } = question(query);
    names.push(name.toLowerCase());
    const answer = Buffer.from(query.subarray(0, end));
    answer.writeUInt16BE(NXDOMAIN | (query.readUInt16BE(2) & RECURSION_DESIRED), 2);
    // One question is echoed; no answers, authorities or additional records.
    answer.fill(0, 6, HEADER_BYTES);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return { names, close: () => socket.close() };
}

/** Name of the one question, and where it ends: after its type and class. */
function question(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 5 };
}

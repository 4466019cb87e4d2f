import { crc32, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
// Channels by colour type (PNG specification, table 11.1).
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Width, height and size of a PNG whose every checksum and pixel row was looked at; throws with what is wrong. */
export function checkPng(file) {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('The result does not start as a PNG does.');
  let header;
  let ended = false;
  const data = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const chunk = file.subarray(at + 4, at + 8 + length);
    const type = chunk.toString('latin1', 0, 4);
    if (crc32(chunk) !== file.readUInt32BE(at + 8 + length)) throw new Error(`The PNG's ${type} chunk is damaged.`);
    if (type === 'IHDR') header = chunk.subarray(4);
    if (type === 'IDAT') data.push(chunk.subarray(4));
    if (type === 'IEND') ended = true;
    at += 12 + length;
  }
  if (!header || !ended) throw new Error('The PNG is cut short.');
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  const rowBytes = 1 + Math.ceil((width * CHANNELS[header[9]] * header[8]) / 8);
  const pixels = inflateSync(Buffer.concat(data)).length;
  if (pixels !== rowBytes * height)
    throw new Error(`The PNG holds ${pixels} bytes of pixels, not ${rowBytes * height}.`);
  return { width, height, bytes: file.length };
}

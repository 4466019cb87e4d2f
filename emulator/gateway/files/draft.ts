import type { Exchange } from '../exchange.ts';
import { fileLifecycle } from '../lifecycle.ts';
import type { FileDraft } from './uploads.ts';

const NAME_LENGTH = 128;
const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/;

/** What the caller says of a file that is to come; 400 for a lifecycle header that can't be read. */
export function fileDraft(
  name: unknown,
  contentType: unknown,
  { req, caller }: Pick<Exchange, 'req' | 'caller'>,
  now: number,
): FileDraft {
  const { seconds, acl } = fileLifecycle(req.headers);
  return {
    name: safeName(typeof name === 'string' ? name : ''),
    contentType: typeof contentType === 'string' && CONTENT_TYPE.test(contentType) ? contentType : null,
    expiresAt: seconds === null ? null : now + seconds * 1000,
    acl,
    owner: caller.identity?.user ?? 'local',
  };
}

/** A file name as one URL segment: letters, digits, `._-`; the last characters win, they carry the extension. */
export function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  const safe = last
    .normalize('NFKD')
    .replaceAll(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '')
    .slice(-NAME_LENGTH);
  return safe === '' ? 'file.bin' : safe;
}

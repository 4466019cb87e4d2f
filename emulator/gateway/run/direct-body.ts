import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { LIMITS } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import { announcedSize, pump, readBytes } from '../body.ts';

/** Up to here a body is read before it is sent on: one write to the runner, while the slot is being found. */
const WHOLE_BYTES = 64 * 1024;

export type DirectBody = Buffer | Readable | null;

/** The body of a direct call as undici sends it. A large one streams, and is cut with 413 past LIMITS.bodyBytes. */
export function directBody(req: IncomingMessage, clock: Clock): Promise<DirectBody> | DirectBody {
  const options = { clock, limit: LIMITS.bodyBytes, what: 'The input' };
  const size = announcedSize(req, options.limit, options.what);
  if (size === 0) return null;
  if (size !== null && size <= WHOLE_BYTES) return readBytes(req, options);
  // Not `req` itself: undici destroys the body of a failed call, and with it the connection that is owed an answer.
  const through = new PassThrough();
  // undici reports it; without a listener a body that breaks off before the call is sent would end the emulator.
  through.on('error', () => undefined);
  pump(req, options, (chunk) => {
    // Nobody takes it any more, and its sender still has to come to the end before it reads the answer.
    if (through.destroyed || through.write(chunk)) return undefined;
    return new Promise((resolve) => {
      through.once('drain', resolve);
      through.once('close', resolve);
    });
  }).then(
    () => through.end(),
    (error: unknown) => through.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return through;
}

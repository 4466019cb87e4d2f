import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RequestOutcome } from '../../contract/index.ts';
import type { StoredBody } from '../../store/store.ts';
import type { Exchange } from '../exchange.ts';
import { isErrorType } from '../failure.ts';
import { FileUrlRewriter, holdsFileUrls } from '../files/file-urls.ts';
import { runNothing } from '../files/run-nothing.ts';
import { isRelayed } from '../headers.ts';

/** Replays what the app answered: its status, headers and body. */
export async function replayResult(
  exchange: Exchange,
  id: string,
  outcome: RequestOutcome,
  body: StoredBody,
  publicUrl: string,
): Promise<void> {
  const { req, res, route } = exchange;
  let contentType: string | undefined;
  for (const [name, value] of outcome.headers) {
    if (!isRelayed(name, outcome.status) || name === 'content-length') continue;
    if (name === 'content-type') contentType = value;
    res.appendHeader(name, value);
  }
  runNothing(res, contentType);
  res.setHeader('x-fal-request-id', id);
  if (isErrorType(outcome.errorType) && !res.hasHeader('x-fal-error-type')) {
    res.setHeader('x-fal-error-type', outcome.errorType);
  }
  res.statusCode = outcome.status;
  const rewriter = route.form === 'local' && holdsFileUrls(contentType) ? new FileUrlRewriter(publicUrl) : null;
  const bodyless = req.method === 'HEAD' || outcome.status === 204 || outcome.status === 304;

  if (body.kind === 'bytes') {
    const bytes =
      rewriter === null
        ? body.bytes
        : rewriter.whole(Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.length));
    if (outcome.status !== 204 && outcome.status !== 304) res.setHeader('content-length', bytes.length);
    res.end(bodyless ? undefined : bytes);
    return;
  }
  if (rewriter === null) res.setHeader('content-length', body.size);
  if (bodyless) {
    res.end();
    return;
  }
  const file = createReadStream(body.path);
  if (rewriter === null) await pipeline(file, res);
  else await pipeline(file, rewriting(rewriter), res);
}

function rewriting(rewriter: FileUrlRewriter): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, rewriter.push(chunk));
    },
    flush(done) {
      done(null, rewriter.end());
    },
  });
}

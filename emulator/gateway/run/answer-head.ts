import type { Dispatcher } from 'undici';
import type { HeaderList } from '../../contract/index.ts';
import { holdsFileUrls } from '../files/file-urls.ts';
import { isRelayed } from '../headers.ts';

/** Answers up to here whose file URLs are rewritten are sent whole, with their length. */
const WHOLE_BYTES = 256 * 1024;

/** How a runner's answer goes to the caller. */
export interface AnswerHead {
  /** Headers for the caller as a flat list, without a length where `delivery` is `whole`. */
  headers: string[];
  /** All headers as they came. */
  all: HeaderList;
  /** `none`: no body; `sized`: as it comes, its length is told; `stream`: as it comes, length unknown; `whole`: in one piece. */
  delivery: 'none' | 'sized' | 'stream' | 'whole';
  /** File URLs in the body take their loopback form. */
  rewrite: boolean;
}

/** Reads the head of a runner's answer. `localForm` = the caller wants loopback file URLs. */
export function answerHead(
  raw: Dispatcher.DispatchController['rawHeaders'],
  status: number,
  call: { requestId: string; method: string; localForm: boolean },
): AnswerHead {
  const headers: string[] = ['x-fal-request-id', call.requestId];
  const all: HeaderList = [];
  let contentType: string | undefined;
  let length: string | undefined;
  let encoded = false;
  for (const [name, value] of headerPairs(raw)) {
    all.push([name, value]);
    if (!isRelayed(name, status)) continue;
    if (name === 'content-length') {
      length = value;
      continue;
    }
    if (name === 'content-type') contentType = value;
    else if (name === 'content-encoding') encoded = true;
    headers.push(name, value);
  }
  if (call.method === 'HEAD' || status === 204 || status === 304)
    return { headers, all, delivery: 'none', rewrite: false };
  const rewrite = call.localForm && !encoded && holdsFileUrls(contentType);
  if (length === undefined) return { headers, all, delivery: 'stream', rewrite };
  if (rewrite) return { headers, all, delivery: Number(length) <= WHOLE_BYTES ? 'whole' : 'stream', rewrite };
  headers.push('content-length', length);
  return { headers, all, delivery: 'sized', rewrite };
}

function* headerPairs(raw: Dispatcher.DispatchController['rawHeaders']): Generator<[string, string]> {
  if (!Array.isArray(raw)) return;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    yield [text(raw[i]!).toLowerCase(), text(raw[i + 1]!)];
  }
}

// Bytes of a header go through as they are; Node writes strings as latin1.
function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}

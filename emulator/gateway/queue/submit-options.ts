import type { IncomingHttpHeaders } from 'node:http';
import type { Priority } from '../../contract/index.ts';
import { badRequest } from '../failure.ts';
import { fileLifecycle } from '../lifecycle.ts';

/** What a submit says beside its input. */
export interface SubmitOptions {
  priority: Priority;
  /** Seconds. */
  startTimeout: number | null;
  hint: string | null;
  noRetry: boolean;
  retryConfig: string | null;
  storeIo: boolean;
  webhook: string | null;
  maxQueueLength: number | null;
  /** The query that is the app's: without fal's own parameters. `''` or `?…`. */
  query: string;
}

/** Reads the platform's headers and query parameters of a submit; 400 `bad_request` for what fal refuses. */
export function submitOptions(headers: IncomingHttpHeaders, query: string): SubmitOptions {
  const own = ownParameters(query);
  // The app gets it as it is; a slip in it is told here, where it can be seen.
  fileLifecycle(headers);
  return {
    // Unknown values are ignored (docs, "common parameters").
    priority: one(headers['x-fal-queue-priority'])?.toLowerCase() === 'low' ? 'low' : 'normal',
    startTimeout: startTimeout(headers),
    hint: one(headers['x-fal-runner-hint']) ?? null,
    noRetry: ['1', 'true', 'yes'].includes(one(headers['x-fal-no-retry'])?.toLowerCase() ?? ''),
    retryConfig: retryConfig(one(headers['x-fal-retry-config'])),
    storeIo: one(headers['x-fal-store-io']) !== '0',
    webhook: webhook(own.webhook),
    maxQueueLength: maxQueueLength(own.maxQueueLength),
    query: own.rest,
  };
}

function startTimeout(headers: IncomingHttpHeaders): number | null {
  // The newer name wins where both are sent (docs, "request timeouts").
  const newer = one(headers['x-fal-request-start-timeout']);
  const name = newer === undefined ? 'X-Fal-Request-Timeout' : 'X-Fal-Request-Start-Timeout';
  const text = newer ?? one(headers['x-fal-request-timeout']);
  if (text === undefined) return null;
  const seconds = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0.1) {
    throw badRequest(`${name} must be a number of seconds over 0.1, not ${JSON.stringify(text)}.`);
  }
  return seconds;
}

/** Invalid JSON is ignored, as fal does (docs, "retries"). */
function retryConfig(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? text : null;
  } catch {
    return null;
  }
}

function webhook(text: string | null): string | null {
  if (text === null || text === '') return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw badRequest(`fal_webhook is not an http or https URL: ${JSON.stringify(text)}.`);
  }
  return text;
}

function maxQueueLength(text: string | null): number | null {
  if (text === null) return null;
  if (!/^\d{1,9}$/.test(text))
    throw badRequest(`fal_max_queue_length must be a whole number, not ${JSON.stringify(text)}.`);
  return Number(text);
}

function ownParameters(query: string): { webhook: string | null; maxQueueLength: string | null; rest: string } {
  if (!query.includes('fal_')) return { webhook: null, maxQueueLength: null, rest: query };
  let webhook: string | null = null;
  let maxQueueLength: string | null = null;
  // Cut by hand: the app's own parameters must keep their spelling.
  const rest = query
    .slice(1)
    .split('&')
    .filter((pair) => {
      const [entry] = new URLSearchParams(pair);
      if (entry?.[0] === 'fal_webhook') webhook = entry[1];
      else if (entry?.[0] === 'fal_max_queue_length') maxQueueLength = entry[1];
      else return entry?.[0] !== 'fal_jwt_token';
      return false;
    });
  return { webhook, maxQueueLength, rest: rest.length > 0 ? `?${rest.join('&')}` : '' };
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

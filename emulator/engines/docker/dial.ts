import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';
import * as z from 'zod/mini';

/** A call of the Engine API that dockerode has no method for, or one that would swallow what we need. */
export interface Dial<T extends z.core.$ZodType> {
  method?: 'GET' | 'POST' | 'DELETE' | 'PUT';
  path: string;
  schema: T;
  signal?: AbortSignal;
  /** The answer where there is no such thing (404). */
  missing?: z.core.output<T>;
}

/** The client, or anything that it made. */
type HasModem = Pick<Docker, 'modem'>;

/** Status codes that are no error of the daemon's. */
const FINE = { 200: true, 201: true, 204: true, 304: true };

/** JSON of the daemon, parsed. Rejects with dockerode's error, or that of the connection. */
export async function dialJson<T extends z.core.$ZodType>(docker: HasModem, dial: Dial<T>): Promise<z.core.output<T>> {
  const { method = 'GET', path, schema, signal, missing } = dial;
  try {
    const answer = await raw(docker, { path, method, statusCodes: FINE, ...(signal ? { abortSignal: signal } : {}) });
    return z.parse(schema, answer);
  } catch (error) {
    if (missing !== undefined && statusOf(error) === 404) return missing;
    throw error;
  }
}

export interface StreamDial {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  headers?: Record<string, string>;
  /** Body. */
  file?: Readable | Buffer;
  registryconfig?: Record<string, unknown>;
  authconfig?: Record<string, unknown>;
  signal?: AbortSignal;
}

/** The body of an answer as it comes. */
export async function dialStream(docker: Docker, { signal, ...dial }: StreamDial): Promise<Readable> {
  const answer = await raw(docker, {
    ...dial,
    isStream: true,
    statusCodes: FINE,
    ...(signal ? { abortSignal: signal } : {}),
  });
  return answer as Readable;
}

/** A connection that the daemon gives up to us. With an empty body: an end of chunks would be the first that it gets, on Podman. */
export async function dialHijacked(
  docker: HasModem,
  path: string,
  headers: Record<string, string | string[]> = {},
): Promise<Duplex> {
  const answer = await raw(docker, {
    path,
    method: 'POST',
    hijack: true,
    headers,
    file: Buffer.alloc(0),
    statusCodes: FINE,
  });
  return answer as Duplex;
}

function raw(docker: HasModem, given: { path: string } & Record<string, unknown>): Promise<unknown> {
  // docker-modem takes a path with a query for one that ends in `?`, and cuts its last character.
  const options = given.path.includes('?') ? { ...given, path: `${given.path}&` } : given;
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      // The types know fewer options than there are.
      options as unknown as Parameters<typeof docker.modem.dial>[0],
      (error: unknown, answer: unknown) => {
        if (error) reject(error);
        else resolve(answer);
      },
    );
  });
}

/** HTTP status of an error of dockerode, null for those of the connection. */
export function statusOf(error: unknown): number | null {
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return null;
}

/** The daemon's own words in an error of dockerode. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && 'json' in error) {
    const { json } = error;
    if (json && typeof json === 'object' && 'message' in json) return String(json.message);
  }
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

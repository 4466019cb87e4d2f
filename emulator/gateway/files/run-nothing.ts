import type { ServerResponse } from 'node:http';

/**
 * What a browser shows without running anything of it. Whatever else a file says it is (HTML, SVG, XML of any name, two types in
 * one header) may be a document with scripts, whose origin would be this emulator's.
 */
const PASSIVE_TYPES =
  /^(?:image\/(?!svg)[\w.+-]+|audio\/[\w.+-]+|video\/[\w.+-]+|font\/[\w.+-]+|application\/(?:json|octet-stream|pdf|zip)|text\/(?:plain|csv))(?: *;[^,]*)?$/i;

/** Keeps a browser from running what this answer holds: a page that an app made, or was sent, must not act as one of this emulator. */
export function runNothing(res: ServerResponse, contentType: string | undefined): void {
  res.setHeader('x-content-type-options', 'nosniff');
  // Beside a policy of the app's own, which stays: the stricter of both holds.
  if (contentType !== undefined && !PASSIVE_TYPES.test(contentType)) {
    res.appendHeader('content-security-policy', 'sandbox');
  }
}

/** What a queue URL asks of one request. */
export interface RequestCall {
  id: string;
  operation: 'status' | 'stream' | 'result' | 'cancel';
}

// A sub-path before `/requests` and the `/response` suffix stand in older docs and in URLs that users kept.
const REQUEST = /^(?:\/.*)?\/requests\/([^/]+)(?:\/(status\/stream|status|cancel|response))?\/?$/;

/** Reads the part of a queue URL below the app; null for a submit. */
export function parseRequestPath(path: string): RequestCall | null {
  const match = REQUEST.exec(path);
  if (!match) return null;
  const suffix = match[2];
  const operation =
    suffix === 'status/stream' ? 'stream' : suffix === 'status' || suffix === 'cancel' ? suffix : 'result';
  return { id: match[1]!, operation };
}

export interface RequestUrls {
  response_url: string;
  status_url: string;
  cancel_url: string;
}

/** The three URLs of a request, on the base that the caller used. No sub-path: fal_client rebuilds them without one. */
export function requestUrls(base: string, prefix: string, id: string): RequestUrls {
  const url = `${base}/${prefix}/requests/${id}`;
  return { response_url: url, status_url: `${url}/status`, cancel_url: `${url}/cancel` };
}

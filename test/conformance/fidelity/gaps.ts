/** A part of fal that is not here: what a call to it is answered. */
export interface Gap {
  /** Numbers of the matrix, '' where it has none. */
  items: string;
  what: string;
  call: { method: string; path: string };
  status: number;
  error: 'E_NOT_EMULATED' | 'E_PUBLIC_MODEL' | 'E_REMOTE_FILE';
}

const missing = (items: string, what: string, path: string, method = 'GET'): Gap => ({
  items,
  what,
  call: { method, path },
  status: 501,
  error: 'E_NOT_EMULATED',
});

/** Each is called by gaps.test.ts, on the emulator's own address. */
export const GAPS: readonly Gap[] = [
  missing('', 'the platform API, `api.fal.ai`', '/_h/api.fal.ai/v1/models'),
  missing('', 'any other call of `rest.fal.ai`', '/rest/billing/usage', 'POST'),
  missing('', 'any other host of fal', '/_h/gateway.fal.ai/'),
  {
    items: '71',
    what: 'a public model, `fal-ai/…` and the like',
    call: { method: 'POST', path: '/run/fal-ai/flux/dev' },
    status: 404,
    error: 'E_PUBLIC_MODEL',
  },
  {
    items: '71',
    what: "a file of fal's CDN that was not uploaded here",
    call: { method: 'GET', path: '/files/elephant/sample.png' },
    status: 404,
    error: 'E_REMOTE_FILE',
  },
];

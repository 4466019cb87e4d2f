import { isFalHost, isLoopbackHost, parseHostPort } from './port/hosts.ts';

/** The parts of fal that a request can be meant for, plus the emulator's own. */
export type Service = 'run' | 'queue' | 'rest' | 'cdn' | 'kv' | 'ws' | 'api' | 'proxy' | 'health' | 'unknown';

// Sources: fal-js `config.ts`, fal_client `client.py`, fal SDK `flags.py`; the falrun.com twins are the backup domains of
// fal-client >= 1.0.3, rest.alpha.fal.ai is what @fal-ai/client <= 1.9.1 calls.
const PRODUCTION: Readonly<Record<string, Service>> = {
  'fal.run': 'run',
  'falrun.com': 'run',
  'queue.fal.run': 'queue',
  'queue.falrun.com': 'queue',
  'ws.fal.run': 'ws',
  'ws.falrun.com': 'ws',
  'rest.fal.ai': 'rest',
  'rest.alpha.fal.ai': 'rest',
  'api.fal.ai': 'api',
  'api.alpha.fal.ai': 'api',
  'fal.media': 'cdn',
  'v3.fal.media': 'cdn',
  'v3b.fal.media': 'cdn',
  'kv.fal.media': 'kv',
};

/** Host name of a Host header: lower case, without port, brackets and trailing dot; `''` where it is none. */
export function hostName(hostHeader: string): string {
  return parseHostPort(hostHeader)?.host ?? '';
}

/** What a name under one of fal's zones stands for: `unknown` is a fal host that nothing here answers for, null is not fal's. */
export function productionService(name: string): Service | null {
  if (Object.hasOwn(PRODUCTION, name)) return PRODUCTION[name]!;
  return isFalHost(name) ? 'unknown' : null;
}

/** Names that only this machine can mean. Any port: an editor may forward the public port under another number. */
export function isLoopbackName(name: string): boolean {
  return isLoopbackHost(name);
}

import path from 'node:path';

/** Where things stand in a container of ours. */
export const PLACES = {
  home: '/opt/windtunnel/home',
  harness: '/opt/windtunnel/runner',
  bundles: '/opt/windtunnel/ca',
  payload: '/opt/windtunnel/payload',
  debugger: '/opt/windtunnel/debugger',
  /** Sources of the workspace that cannot keep their own path. */
  source: '/opt/windtunnel/source',
  /** Sockets of the agent; memory, its owner's only. */
  sockets: '/run/windtunnel',
  data: '/data',
  work: '/app',
} as const;

/** A file below these is hidden by a mount, or is one of the kernel's. */
const TAKEN = /^\/(data|proc|sys|dev|run|opt\/windtunnel)(\/|$)/;

/** Where a file of the workspace stands: at its own path, so that a traceback names it as the user knows it. */
export const placeOf = (file: string): string => (TAKEN.test(file) ? `${PLACES.source}${file}` : file);

/** Where a pickled app stands. */
export const picklePlaces = (file: string): string => `${PLACES.payload}/${path.basename(file)}`;

import { availableParallelism, freemem, totalmem } from 'node:os';
import type { HostMachine } from './options.ts';

/**
 * The machine we run on. On Linux `freemem` is MemAvailable; macOS counts only unused pages, so that a fresh runner beside an
 * old one is denied there more often than needed, which costs time and never a request.
 */
export const thisMachine: HostMachine = {
  memoryBytes: totalmem(),
  cpus: availableParallelism(),
  freeBytes: freemem,
};

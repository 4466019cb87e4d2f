import { availableParallelism, homedir, totalmem } from 'node:os';
import type { Host } from '../../emulator/client/paths.ts';

/** The machine and user that the extension host runs on: in a remote window, the remote one. */
export function thisHost(): Host {
  return { env: process.env, platform: process.platform, home: homedir(), uid: process.getuid?.() ?? 0 };
}

/** Memory in bytes and CPUs of the machine that apps run on. */
export const thisMachine = () => ({ memoryBytes: totalmem(), cpus: availableParallelism() });

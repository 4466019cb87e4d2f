import { homedir } from 'node:os';
import type { Host } from '../../emulator/client/paths.ts';

/** The machine and user that the extension host runs on: in a remote window, the remote one. */
export function thisHost(): Host {
  return { env: process.env, platform: process.platform, home: homedir(), uid: process.getuid?.() ?? 0 };
}

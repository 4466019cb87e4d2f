import { usage } from './terminal.ts';

/** `--port N`; 0 asks for a free one. Null where the option is absent. Throws E_USAGE. */
export function parsePort(text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw usage(`Not a port: ${text}`, 'Use a number from 0 (any free port) to 65535.');
}

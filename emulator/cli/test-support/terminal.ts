import { styleOf } from '../style.ts';
import type { Terminal } from '../terminal.ts';

/** A terminal that keeps what is written to it. */
export function testTerminal(cwd: string): { terminal: Terminal; out: string[]; notes: string[] } {
  const out: string[] = [];
  const notes: string[] = [];
  const style = styleOf(false, {});
  const terminal: Terminal = {
    host: { env: {}, platform: 'linux', home: cwd, uid: 0 },
    cwd,
    out: (line) => void out.push(line),
    note: (line) => void notes.push(line),
    status: () => undefined,
    style,
    noteStyle: style,
    interrupted: new AbortController().signal,
    interactive: false,
  };
  return { terminal, out, notes };
}

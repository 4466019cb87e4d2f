/** Wraps text in a colour where the output is a person's terminal. */
export interface Style {
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Colours only on a terminal that has them, and never with NO_COLOR (no-color.org: present and not empty). */
export function styleOf(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Style {
  const coloured = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  const paint = (code: number) => (text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33) };
}

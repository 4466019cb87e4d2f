/** One place that a Python traceback names. `line` is 1-based. */
export interface Frame {
  file: string;
  line: number;
}

const FRAME = /^\s*File "([^"]+)", line (\d+)/gm;

/** The innermost frame of the user's own code, that is below one of `roots`; null where there is none. */
export function ownFrame(traceback: string, roots: readonly string[]): Frame | null {
  const frames = [...traceback.matchAll(FRAME)].map(([, file, line]) => ({ file: file ?? '', line: Number(line) }));
  const own = frames.filter(
    ({ file }) => roots.some((root) => file.startsWith(`${root}/`)) && !file.includes('/site-packages/'),
  );
  return own.at(-1) ?? null;
}

/** The last line of a traceback: the exception and its message. */
export function lastWords(traceback: string): string {
  return traceback.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

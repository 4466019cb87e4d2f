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

// A deployed app is sent as its code, whose frames name no file; nor do those of fal's own parts that go with it.
const SENT_FRAME = /^\s*File "<dynamic-code>", line (\d+), in (\w+)/gm;

/** The innermost line of a traceback at fal in the app's own source: it stands in the function that the frame names. */
export function sentFrame(traceback: string, source: string): number | null {
  const lines = source.split('\n');
  const own = [...traceback.matchAll(SENT_FRAME)].filter(([, line, name]) => {
    const above = lines.slice(0, Number(line)).reverse();
    const inside = above.find((text) => /^\s*(async\s+)?def\s/.test(text));
    return Number(line) <= lines.length && inside !== undefined && new RegExp(`def\\s+${name}\\b`).test(inside);
  });
  return own.length === 0 ? null : Number(own.at(-1)?.[1]);
}

/** The last line of a traceback: the exception and its message. */
export function lastWords(traceback: string): string {
  return traceback.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

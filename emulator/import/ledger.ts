import { type Finding, type Item, type Level, MARK, type Place, quote } from './report.ts';

export interface Note {
  source?: Place;
  text?: string;
  reason: string;
  next?: string;
  /** Text whose first line in the written file is the target; with `attribute`, where that is set below it. */
  anchor?: { file: string; text: string; attribute?: string };
}

/** Whether a line has that text, and not as the beginning of a longer name. */
function holds(line: string, text: string): boolean {
  const at = line.indexOf(text);
  return at >= 0 && !(/\w$/.test(text) && /\w/.test(line.charAt(at + text.length)));
}

/** The line of the class at `from` that sets an attribute, else its own. */
function attributeBelow(lines: readonly string[], from: number, name: string): number {
  for (let at = from + 1; at < lines.length && !/^\S/.test(lines[at]!); at += 1) {
    if (lines[at]!.startsWith(`    ${name} = `)) return at;
  }
  return from;
}

/** Collects what became of each piece of the source while an app is converted. */
export class Ledger {
  readonly items: Item[] = [];
  private readonly notes: (Note & { code: string; level: Level })[] = [];

  item(kind: Item['kind'], source: Place, text: string, outcome: Item['outcome']): void {
    this.items.push({ kind, source, text: quote(text), outcome });
  }

  note(code: string, level: Level, note: Note): void {
    this.notes.push({ ...note, code, level });
  }

  has(level: Level): boolean {
    return this.notes.some((note) => note.level === level);
  }

  /** Lines of a source file that anything but an exact finding stands at. */
  linesOf(file: string): number[] {
    return this.notes.flatMap(({ source, level }) => (source?.file === file && level !== 'OK' ? [source.line] : []));
  }

  /** The findings in source order, with target lines looked up in the files that were written. */
  findings(written: ReadonlyMap<string, string>): Finding[] {
    // Marks of one code are told apart by their order in the file, which is the order of the sources.
    const used = new Map<string, number>();
    const order = (place?: Place): [string, number] => (place ? [place.file, place.line] : ['\uffff', 0]);
    const sorted = this.notes.toSorted((a, b) => {
      const [fileA, lineA] = order(a.source);
      const [fileB, lineB] = order(b.source);
      return fileA < fileB ? -1 : fileA > fileB ? 1 : lineA - lineB;
    });
    return sorted.map(({ code, level, source, text, reason, next, anchor }) => {
      let target: Place | null = null;
      const lines = anchor && written.get(anchor.file)?.split('\n');
      if (anchor && lines) {
        const key = `${anchor.file}\n${anchor.text}`;
        const from = used.get(key) ?? 0;
        const index = lines.findIndex((line, at) => at >= from && holds(line, anchor.text));
        const found = index >= 0 ? index : lines.findIndex((line) => holds(line, anchor.text));
        if (found >= 0) {
          const line = anchor.attribute === undefined ? found : attributeBelow(lines, found, anchor.attribute);
          target = { file: anchor.file, line: line + 1 };
        }
        // A class or a function has one place, however much is said of it.
        if (anchor.text.includes(MARK)) used.set(key, found + 1);
      }
      return { code, level, source: source ?? null, text: quote(text ?? ''), target, reason, next: next ?? '' };
    });
  }
}

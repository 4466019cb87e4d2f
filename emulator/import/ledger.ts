import { type Finding, type Item, type Level, type Place, quote } from './report.ts';

export interface Note {
  source?: Place;
  text?: string;
  reason: string;
  next?: string;
  /** Text whose first line in the written file is the target. */
  anchor?: { file: string; text: string };
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
        const index = lines.findIndex((line, at) => at >= from && line.includes(anchor.text));
        const found = index >= 0 ? index : lines.findIndex((line) => line.includes(anchor.text));
        if (found >= 0) target = { file: anchor.file, line: found + 1 };
        used.set(key, found + 1);
      }
      return { code, level, source: source ?? null, text: quote(text ?? ''), target, reason, next: next ?? '' };
    });
  }
}

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { alignLines } from '../side-by-side.ts';
import type { LoadedApp } from './fal-project.ts';

const RecordSchema = z.object({
  digest: z.string(),
  files: z.record(z.string(), z.string()),
  main: z.string(),
  text: z.string(),
});
type CodeRecord = z.infer<typeof RecordSchema>;

/** The code of each app as it was last deployed from this workspace: the remote keeps it, and does not give it back. */
export class CodeRecords {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Throws the system's error. `place`: host, owner and alias. */
  keep(place: string, { digest, files, main, text }: LoadedApp['code']): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeFileSync(this.file(place), JSON.stringify({ digest, files, main, text }), { mode: 0o600 });
  }

  /** What was kept, where it is the code that is deployed; else null. */
  deployed(place: string, deployedDigest: string): CodeRecord | null {
    const record = this.read(place);
    return record?.digest === deployedDigest ? record : null;
  }

  private read(place: string): CodeRecord | null {
    let text: string;
    try {
      text = readFileSync(this.file(place), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    const parsed = RecordSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  }

  private file(place: string): string {
    return join(this.folder, `${createHash('sha256').update(place).digest('hex').slice(0, 16)}.json`);
  }
}

/** One line for each file that differs, the main one's by its lines. */
export function codeChanges(before: CodeRecord, after: CodeRecord): string[] {
  const names = [...new Set([...Object.keys(before.files), ...Object.keys(after.files)])].sort();
  return names.flatMap((name) => {
    if (before.files[name] === after.files[name]) return [];
    if (before.files[name] === undefined) return [`${name} is new`];
    if (after.files[name] === undefined) return [`${name} is gone`];
    if (name !== after.main || before.main !== after.main) return [`${name} changed`];
    const pairs = alignLines(before.text.split('\n'), after.text.split('\n')).filter(
      ({ left, right }) => left !== right,
    );
    const added = pairs.filter(({ right }) => right !== null).length;
    const removed = pairs.filter(({ left }) => left !== null).length;
    return [`${name}: ${added} lines added, ${removed} removed`];
  });
}

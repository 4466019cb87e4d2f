import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** The text that a snippet of ours inserts, with these values at its tab stops. */
export function snippet(file: string, prefix: string, values: readonly string[] = []): string {
  const text = readFileSync(path.join(root, 'snippets', `${file}.code-snippets`), 'utf8');
  const all: Record<string, { prefix: string; body: string[] }> = JSON.parse(text);
  const found = Object.values(all).find((one) => one.prefix === prefix);
  if (!found) throw new Error(`snippets/${file}.code-snippets has no snippet ${prefix}.`);
  return (
    found.body
      .join('\n')
      .replaceAll(
        /\$\{(\d+):((?:[^\\}]|\\.)*)\}/g,
        (_, stop: string, shown: string) => values[Number(stop) - 1] ?? shown,
      )
      .replaceAll(/\$\{\d+\|([^,|]*)[^|]*\|\}/g, '$1')
      .replaceAll(/\$\{\d+\}|(?<!\\)\$\d/g, '')
      // What VS Code reads as its own is escaped in a body.
      .replaceAll(/\\([$}\\])/g, '$1')
  );
}

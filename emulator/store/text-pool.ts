import type { HeaderList } from '../contract/index.ts';

/** Different texts that are shared at most; past it sharing starts afresh. Clients repeat a handful. */
const ENTRIES = 1000;
/** Longer texts are not likely to come again. */
const LONGEST = 4096;

/**
 * One copy of what many records have in common. 100,000 waiting requests come from a few clients: with the header list of each
 * its own they need twice the memory. What is shared must not be changed.
 */
export class TextPool {
  private readonly texts = new Map<string, string>();
  private readonly headerLists = new Map<string, HeaderList>();

  text(text: string): string {
    return share(this.texts, text, () => text);
  }

  /** The header list that `json` spells; `list` where it is at hand already. Throws SyntaxError. */
  headers(json: string, list?: HeaderList): HeaderList {
    return share(this.headerLists, json, () => list ?? (JSON.parse(json) as HeaderList));
  }
}

function share<T>(pool: Map<string, T>, key: string, make: () => T): T {
  const known = pool.get(key);
  if (known !== undefined) return known;
  const value = make();
  if (key.length > LONGEST) return value;
  if (pool.size >= ENTRIES) pool.clear();
  pool.set(key, value);
  return value;
}

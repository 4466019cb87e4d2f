/** What differs more ways than this is not shared: keeping the parts would cost what sharing saves. */
const MOST = 1000;

/** What many packed things have in common: kept once, known by a small number. Fits an Int16Array. */
export class SharedParts<T> {
  private readonly numbers = new Map<string, number>();
  private readonly parts: T[] = [];

  /** The number of these parts, null where there are too many different ones. */
  numberOf(parts: T): number | null {
    const key = JSON.stringify(parts);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    if (this.parts.length >= MOST) return null;
    this.numbers.set(key, this.parts.length);
    return this.parts.push(parts) - 1;
  }

  /** Not to be changed: they belong to all that share them. */
  at(number: number): T {
    return this.parts[number]!;
  }
}

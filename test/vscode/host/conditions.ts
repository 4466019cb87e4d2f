/** Waits for something that other processes bring about; fails with what was last seen. */
export async function until<T>(what: string, look: () => T | Promise<T>, seconds = 90): Promise<NonNullable<T>> {
  const end = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came: ${what}; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

import { createRedactor, type Redactor } from '../../core/redactor.ts';

/** A redactor that learns values while it is in use: what was secret once stays so until the emulator ends. */
export class LiveRedactor implements Redactor {
  private readonly values = new Set<string>();
  private current: Redactor = createRedactor([]);

  learn(values: Iterable<string>): void {
    const before = this.values.size;
    for (const value of values) this.values.add(value);
    if (this.values.size > before) this.current = createRedactor(this.values);
  }

  redact(text: string): string {
    return this.current.redact(text);
  }

  stream(): ReturnType<Redactor['stream']> {
    return this.current.stream();
  }

  redactDeep<T>(value: T): T {
    return this.current.redactDeep(value);
  }
}

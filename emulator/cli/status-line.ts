/** Where no line can be rewritten, what goes on is told this often; ms. */
const EVERY_MS = 5000;

/** Where a terminal does not know its width, and says 0 or nothing. */
const COLUMNS = 80;

export interface Output {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

/** What goes on right now: the last line of a terminal, rewritten in place; in a pipe or file a line now and then. */
export class StatusLine {
  private readonly output: Output;
  private readonly every: (tick: () => void, ms: number) => { stop(): void };
  private text: string | null = null;
  private told: string | null = null;
  private timer: { stop(): void } | null = null;

  constructor(output: Output, every: StatusLine['every'] = interval) {
    this.output = output;
    this.every = every;
  }

  show(text: string | null): void {
    if (text === this.text) return;
    this.text = text;
    if (this.output.isTTY) {
      this.draw();
      return;
    }
    if (text === null) {
      this.timer?.stop();
      this.timer = null;
    } else {
      this.timer ??= this.every(() => this.tell(), EVERY_MS);
    }
  }

  /** Runs what prints whole lines, with the status out of its way. */
  around(print: () => void): void {
    const drawn = this.output.isTTY && this.text !== null;
    if (drawn) this.output.write('\r\x1b[2K');
    print();
    if (drawn) this.draw();
  }

  private draw(): void {
    // One column stays free: a full line would wrap, and only its second half could be rewritten.
    this.output.write(`\r\x1b[2K${(this.text ?? '').slice(0, (this.output.columns || COLUMNS) - 1)}`);
  }

  private tell(): void {
    if (this.text === null || this.text === this.told) return;
    this.told = this.text;
    this.output.write(`${this.text}\n`);
  }
}

function interval(tick: () => void, ms: number): { stop(): void } {
  const timer = setInterval(tick, ms);
  // It keeps no command alive that is done otherwise.
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

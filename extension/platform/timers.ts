import type { Disposable } from 'vscode';

/** Calls `action` once things have been quiet for `ms` after `trigger`. */
export class Debounced implements Disposable {
  private readonly action: () => void;
  private readonly ms: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(ms: number, action: () => void) {
    this.ms = ms;
    this.action = action;
  }

  trigger(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.action, this.ms);
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}

/** Resolves after `ms`. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** ms since the epoch. */
export const now = (): number => Date.now();

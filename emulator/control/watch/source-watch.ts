import { statSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import { contentDigest } from './content-digest.ts';
import type { IgnoreRule } from './ignore-rules.ts';
import type { WatchTarget } from './watch-target.ts';

export interface SourceWatchOptions {
  workspace: string;
  clock: Clock;
  ignored: IgnoreRule;
  /** Asked again after each change, since a reload may bring or drop files. */
  targets: () => readonly WatchTarget[];
  /** Called with the reason, one change at a time. Must not reject. */
  changed: (reason: string) => Promise<void>;
  /** Told what the user should know: a loop that was cut, a watch that failed. */
  notice: (message: string) => void;
}

/** ms without a further change before a reload: editors write in several steps, formatters right after. */
export const DEBOUNCE_MS = 100;
/** A file that causes more reloads than this within LOOP_WINDOW_MS is taken for one that the app writes itself. */
export const LOOP_LIMIT = 5;
export const LOOP_WINDOW_MS = 15_000;

interface Touched {
  target: WatchTarget;
  path: string;
}

/** Watches what an app is made of and calls `changed` with file and rule when its content really changed. */
export class SourceWatch implements Disposable {
  /** Resolves when changes are seen. */
  readonly ready: Promise<void>;
  private readonly options: SourceWatchOptions;
  private readonly watcher: FSWatcher;
  private readonly digests = new Map<string, string>();
  private readonly reloads = new Map<string, number[]>();
  private readonly looping = new Set<string>();
  private touched = new Map<string, Touched>();
  private targets: readonly WatchTarget[] = [];
  private timer: Timer | null = null;
  private busy = false;
  private done = false;

  constructor(options: SourceWatchOptions) {
    this.options = options;
    this.targets = options.targets();
    this.remember();
    this.watcher = watch(roots(this.targets), {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path) => !this.concerns(path),
    });
    this.watcher.on('all', (_event, path) => this.onEvent(path));
    this.watcher.on('error', (error) => {
      const message = error instanceof Error ? error.message : String(error);
      // ENOSPC is Linux's word for too many inotify watches.
      const hint = message.includes('ENOSPC') ? ' Raise fs.inotify.max_user_watches, or narrow app_files.' : '';
      options.notice(`Changes may go unseen: ${message}.${hint}`);
    });
    this.ready = new Promise((resolve) => this.watcher.once('ready', () => resolve()));
  }

  async dispose(): Promise<void> {
    this.done = true;
    this.timer?.cancel();
    await this.watcher.close();
  }

  /** Whether chokidar should look at a path: a target, something in one, or a folder on the way to one. */
  private concerns(path: string): boolean {
    return this.targets.some(
      (target) =>
        path === target.path ||
        path === dirname(target.path) ||
        (path.startsWith(`${target.path}/`) && this.options.ignored(path) === null),
    );
  }

  private onEvent(path: string): void {
    const target = this.targets.find((one) => path === one.path || path.startsWith(`${one.path}/`));
    if (!target || this.done || this.looping.has(path)) return;
    this.touched.set(path, { target, path });
    this.arm();
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimeout(() => void this.fire(), DEBOUNCE_MS);
  }

  private async fire(): Promise<void> {
    // What is touched meanwhile stays in `touched`; the end of this turn arms the timer again.
    if (this.busy || this.done) return;
    const all = [...this.touched.values()];
    this.touched = new Map();
    const changed = all.filter((one) => this.isNew(one.path) && !this.isLooping(one.path));
    if (changed.length === 0) return;
    this.busy = true;
    await this.options.changed(this.reason(changed));
    this.busy = false;
    if (this.done) return;
    this.follow();
    if (this.touched.size > 0) this.arm();
  }

  private isNew(path: string): boolean {
    const digest = contentDigest(path, this.options.ignored);
    if (this.digests.get(path) === digest) return false;
    this.digests.set(path, digest);
    return true;
  }

  private isLooping(path: string): boolean {
    const now = this.options.clock.monotonic();
    const times = (this.reloads.get(path) ?? []).filter((time) => now - time < LOOP_WINDOW_MS);
    times.push(now);
    this.reloads.set(path, times);
    if (times.length <= LOOP_LIMIT) return false;
    this.looping.add(path);
    this.options.notice(
      `${this.name(path)} changed ${times.length} times in ${LOOP_WINDOW_MS / 1000} s and is not watched any more: ` +
        'the app seems to write it. Name it under "watch": {"ignore": […]} in windtunnel.jsonc.',
    );
    return true;
  }

  private reason(changed: readonly Touched[]): string {
    const [first, ...more] = changed;
    if (!first) return '';
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return `${this.name(first.path)}${others} changed (${first.target.rule})`;
  }

  private name(path: string): string {
    const short = relative(this.options.workspace, path);
    return short.startsWith('..') ? path : short;
  }

  private follow(): void {
    const before = new Set(roots(this.targets));
    this.targets = this.options.targets();
    const after = roots(this.targets);
    const added = after.filter((root) => !before.has(root));
    if (added.length > 0) this.watcher.add(added);
    this.remember();
  }

  private remember(): void {
    for (const { path } of this.targets) {
      if (!this.digests.has(path)) this.digests.set(path, contentDigest(path, this.options.ignored));
    }
  }
}

/** A file is watched through its folder: it may not exist yet, and editors replace rather than write it. */
function roots(targets: readonly WatchTarget[]): string[] {
  const found = targets.map(({ path }) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path),
  );
  return [...new Set(found)].filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

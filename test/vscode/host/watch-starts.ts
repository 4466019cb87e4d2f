import child_process from 'node:child_process';
import net from 'node:net';

// Deep enough to show who began a call.
const FRAMES = 100;

/**
 * Whether VS Code itself did something, by the stack of the call: it looks for listening ports now and then, with `ls`. What has one
 * frame of anybody else, our extension's or a library's in it, is not VS Code's own.
 */
export function isOfVsCode(stack: string): boolean {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !/\bnode:|<anonymous>/.test(line));
  return frames.length > 0 && frames.every((line) => /[/\\]extensionHostProcess\.js\b/.test(line));
}

/** The stack of whoever called the caller of this. */
function callers(here: (...args: unknown[]) => unknown): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, here);
  Error.stackTraceLimit = limit;
  return at.stack ?? '';
}

/** What of this extension host starts a process or connects to something from now on; `end` stops looking, and gives it. */
export function watchStarts(): { end(): string[] } {
  const seen: string[] = [];
  const watch = (owner: object, name: string) => {
    const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
    Reflect.set(owner, name, function watched(this: unknown, ...args: unknown[]) {
      if (!isOfVsCode(callers(watched))) seen.push(`${name} ${JSON.stringify(args[0])}`);
      return original.apply(this, args);
    });
    return () => Reflect.set(owner, name, original);
  };
  const ways = ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'];
  const undo = [...ways.map((name) => watch(child_process, name)), watch(net.Socket.prototype, 'connect')];
  return {
    end: () => {
      for (const one of undo) one();
      return seen;
    },
  };
}

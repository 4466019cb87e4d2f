import child_process from 'node:child_process';
import net from 'node:net';

/** What of this extension host starts a process or connects to something from now on; `end` stops looking, and gives it. */
export function watchStarts(): { end(): string[] } {
  const seen: string[] = [];
  const watch = (owner: object, name: string) => {
    const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
      seen.push(`${name} ${JSON.stringify(args[0])}`);
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

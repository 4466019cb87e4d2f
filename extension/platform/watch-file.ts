import { existsSync, watch } from 'node:fs';
import path from 'node:path';
import type { Disposable } from 'vscode';

/**
 * Calls `changed` when something in `folder` is made, written or removed. A folder that is not there yet is waited for in
 * its nearest parent; no file is polled.
 */
export function watchFolder(folder: string, changed: (name: string | null) => void): Disposable {
  let stop: () => void = () => undefined;
  let disposed = false;
  const begin = () => {
    if (disposed) return;
    const there = existsSync(folder);
    const target = there ? folder : nearestParent(folder);
    const watcher = watch(target, { persistent: false }, (_event, name) => {
      if (there) changed(name);
      if (there === existsSync(folder)) return;
      stop();
      begin();
      changed(null);
    });
    // A folder that goes away while it is watched shows as an error on some systems.
    watcher.on('error', () => {
      stop();
      begin();
    });
    stop = () => watcher.close();
  };
  begin();
  return {
    dispose: () => {
      disposed = true;
      stop();
    },
  };
}

function nearestParent(folder: string): string {
  const parent = path.dirname(folder);
  return parent === folder || existsSync(parent) ? parent : nearestParent(parent);
}

import type { ImportPlatform, SourceFolder } from '../platform.ts';
import { importedFiles } from '../siblings.ts';
import { readSource } from '../source-text.ts';
import type { PythonParser } from '../syntax.ts';
import { CONVERTED } from './app-class.ts';
import { isFlash } from './convert-flash.ts';
import { serverStart } from './convert-server.ts';
import { convertWorker } from './convert-worker.ts';
import { libraryNames } from './library-uses.ts';
import { startCalls } from './start-call.ts';

/** RunPod serverless workers: files that call `runpod.serverless.start`. */
export const runpodPlatform: ImportPlatform = {
  name: 'runpod',
  detect(folder, parser) {
    const found = [...folder.files].flatMap(([path, bytes]) => {
      if (!path.endsWith('.py') || /(^|\/)(tests?|docs|examples)\//.test(path) || /(^|\/)test_[^/]*$/.test(path))
        return [];
      const source = readSource(bytes);
      if (typeof source === 'string' || !source.text.includes('runpod')) return [];
      const starts = parser.withTree(source.text, (root) => startCalls(root, libraryNames(root)).length > 0);
      // A file that does not parse is still the worker: the report says what is wrong with it.
      return starts || /\bserverless\.start\s*\(/.test(source.text) ? [path] : [];
    });
    const first = [...found];
    // Without a handler, a server of its own; and a file that only leads to the worker is named by itself.
    if (mentions(folder)) found.push(...others(folder, parser).filter((path) => !found.includes(path)));
    const workers = new Set(first);
    return found.sort(
      (a, b) => Number(!workers.has(a)) - Number(!workers.has(b)) || rank(a) - rank(b) || (a < b ? -1 : 1),
    );
  },
  convert: convertWorker,
};

/** Whether any text of the folder speaks of RunPod. */
function mentions(folder: SourceFolder): boolean {
  return [...folder.files].some(
    ([path, bytes]) =>
      /\.(py|md|toml|json)$|Dockerfile/.test(path) && /runpod/i.test(Buffer.from(bytes).toString('latin1')),
  );
}

/** Files that start a server, or import one that starts a worker. */
function others(folder: SourceFolder, parser: PythonParser): string[] {
  return [...folder.files].flatMap(([path, bytes]) => {
    const source = path.endsWith('.py') && !/(^|\/)(tests?|docs)\//.test(path) ? readSource(bytes) : '';
    if (typeof source === 'string' || source.text.includes(CONVERTED)) return [];
    const found = parser.withTree(source.text, (root) => {
      if (isFlash(source.text) || serverStart(folder, path, root) !== null) return true;
      return importedFiles(folder, path, root, parser).some((file) =>
        /\bserverless\.start\s*\(/.test(Buffer.from(folder.files.get(file)!).toString('latin1')),
      );
    });
    return found ? [path] : [];
  });
}

/** Workers at the top and with the usual names first. */
function rank(path: string): number {
  const usual = /(^|\/)(rp_)?handler\.py$/.test(path) ? 0 : 1;
  return path.split('/').length * 2 + usual;
}

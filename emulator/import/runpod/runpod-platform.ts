import type { ImportPlatform } from '../platform.ts';
import { readSource } from '../source-text.ts';
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
    return found.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  },
  convert: convertWorker,
};

/** Workers at the top and with the usual names first. */
function rank(path: string): number {
  const usual = /(^|\/)(rp_)?handler\.py$/.test(path) ? 0 : 1;
  return path.split('/').length * 2 + usual;
}

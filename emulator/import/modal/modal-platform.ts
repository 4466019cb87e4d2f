import type { ImportPlatform } from '../platform.ts';
import { readSource } from '../source-text.ts';
import { convertApp } from './convert-app.ts';
import { modalNames } from './library.ts';
import { readModule } from './read-module.ts';

/** Modal apps: files with functions and classes of a `modal.App`. */
export const modalPlatform: ImportPlatform = {
  name: 'modal',
  detect(folder, parser) {
    const units = new Map<string, number>();
    const callers = new Set<string>();
    for (const [path, bytes] of folder.files) {
      if (!path.endsWith('.py') || /(^|\/)(tests?|docs)\//.test(path) || /(^|\/)test_[^/]*$/.test(path)) continue;
      const source = readSource(bytes);
      if (typeof source === 'string' || !/^[ \t]*(import modal\b|import .*\bmodal\b|from modal\b)/m.test(source.text))
        continue;
      const count = parser.withTree(source.text, (root) => readModule(root, modalNames(root), path).units.length);
      // A file that does not parse, or only speaks to Modal, is looked at too: the report says what is wrong with it.
      units.set(path, count);
      if (count === 0 && LOOKS_UP.test(source.text)) callers.add(path);
    }
    // Beside an app, a file that looks up functions is one of its callers.
    if ([...units.values()].some((count) => count > 0)) for (const path of callers) units.delete(path);
    return [...units.keys()].sort((a, b) => rank(a, units.get(a)!) - rank(b, units.get(b)!) || (a < b ? -1 : 1));
  },
  convert: convertApp,
};

const LOOKS_UP = /\b(Function|Cls)\.(from_name|lookup)\(/;

/** Files with apps first, those at the top before others. */
function rank(path: string, units: number): number {
  return (
    (units > 0 ? 0 : 100) + path.split('/').length * 2 + (/(^|\/)(modal_)?(app|main|modal)\.py$/.test(path) ? 0 : 1)
  );
}

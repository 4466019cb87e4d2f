import type { ImportPlatform, SourceFolder } from '../platform.ts';
import { readSource } from '../source-text.ts';
import type { PythonParser } from '../syntax.ts';
import { readCogConfig } from './cog-config.ts';
import { cogNames } from './cog-names.ts';
import { configOf, convertPredictor } from './convert-predictor.ts';
import { predictorClasses } from './predictor.ts';
import { CONVERTED } from './predictor-code.ts';

/** Cog models: what a `cog.yaml` names as its predictor, and files with a class that extends one of Cog's bases. */
export const cogPlatform: ImportPlatform = {
  name: 'cog',
  detect(folder, parser) {
    const named = [...folder.files.keys()].flatMap((path) => configured(folder, path));
    const found = [...folder.files].flatMap(([path, bytes]) => {
      if (!path.endsWith('.py') || named.includes(path) || /(^|\/)(tests?|docs)\//.test(path)) return [];
      const source = readSource(bytes);
      if (typeof source === 'string' || !/\bcog\b/.test(source.text) || source.text.includes(CONVERTED)) return [];
      // One that a cog.yaml beside it does not name is a part of the model, not another.
      const config = configOf(folder, path);
      if (config !== null && configured(folder, config).length > 0) return [];
      return hasPredictor(source.text, parser) ? [path] : [];
    });
    return [...named, ...found].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  },
  convert: convertPredictor,
};

/** The file that a `cog.yaml` names, whether it is there or not: the report says so. A broken one names `predict.py`. */
function configured(folder: SourceFolder, path: string): string[] {
  if (path !== 'cog.yaml' && !path.endsWith('/cog.yaml')) return [];
  const base = path.slice(0, -'cog.yaml'.length);
  const config = readCogConfig(Buffer.from(folder.files.get(path)!).toString('utf8'));
  if (typeof config === 'string') return [`${base}predict.py`];
  const target = config.predict ?? config.train;
  if (!target) return [];
  const entry = `${base}${target.file}`;
  const source = folder.files.get(entry);
  return source && Buffer.from(source).toString('utf8').includes(CONVERTED) ? [] : [entry];
}

function hasPredictor(text: string, parser: PythonParser): boolean {
  // A file that does not parse may be a predictor all the same: the report says what is wrong with it.
  return (
    parser.withTree(text, (root) => predictorClasses(root, cogNames(root)).length > 0) || /\(BasePredictor\)/.test(text)
  );
}

const rank = (path: string): number => path.split('/').length;

import { blockedApp, buildReport } from '../build-report.ts';
import { applyEdits } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { Ledger } from '../ledger.ts';
import { stringsOf } from '../module-edits.ts';
import type { ImportedApp, ImportedFile, SourceFolder } from '../platform.ts';
import { syntaxFault } from '../python-faults/syntax-fault.ts';
import { kebabCase } from '../python-text.ts';
import { importedFiles, soundSiblings, withDefinitions } from '../siblings.ts';
import { readSource, writeSource } from '../source-text.ts';
import type { PythonParser } from '../syntax.ts';
import { type CogConfig, NO_CONFIG, readCogConfig } from './cog-config.ts';
import { cogEdits } from './cog-edits.ts';
import { planCogEnvironment } from './cog-environment.ts';
import { cogNames } from './cog-names.ts';
import { settingNotes } from './cog-notes.ts';
import { COG_VARIABLES } from './cog-variables.ts';
import { moduleConstants } from './fold.ts';
import { findPredictor, predictorClasses } from './predictor.ts';
import { CONVERTED } from './predictor-code.ts';
import { convertFile, type Target } from './predictor-file.ts';

/** The `cog.yaml` that a file belongs to: in its folder or the nearest above. */
export function configOf(folder: SourceFolder, entry: string): string | null {
  for (let at = entry; at !== ''; ) {
    at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
    const path = at === '' ? 'cog.yaml' : `${at}/cog.yaml`;
    if (folder.files.has(path)) return path;
  }
  return null;
}

/** Converts the model whose predictor stands in `entry`. A source that cannot be converted gives a report and no files. */
export function convertPredictor(folder: SourceFolder, entry: string, parser: PythonParser): ImportedApp {
  const ledger = new Ledger();
  const configPath = configOf(folder, entry);
  const base = configPath === null ? '' : configPath.slice(0, -'cog.yaml'.length);
  const name = base === '' ? folder.name : base.split('/').at(-2)!;
  const blocked = (code: string, line: number, reason: string, at = entry): ImportedApp =>
    blockedApp(ledger, { platform: 'cog', entry: at, app: name }, { code, line, reason });
  let config: CogConfig = NO_CONFIG;
  if (configPath !== null) {
    const read = readCogConfig(Buffer.from(folder.files.get(configPath)!).toString('utf8'));
    if (typeof read === 'string') return blocked('F901', 1, `${configPath} cannot be read: ${read}.`);
    config = read;
  }
  const source = readSource(folder.files.get(entry) ?? new Uint8Array());
  if (!folder.files.has(entry)) return blocked('F902', 1, `${entry}, which ${configPath} names, is not in the folder.`);
  if (typeof source === 'string') return blocked('F002', 1, `${entry} cannot be read: ${source}.`);
  if (source.text.includes(CONVERTED)) return blocked('F004', 1, `${entry} is converted already.`);
  return parser.withTree(source.text, (root) => {
    const fault = syntaxFault(root, source.text);
    if (fault) return blocked('F001', fault.line, `${entry} has a syntax error: ${fault.what}.`);
    const names = cogNames(root);
    const own = config.predict && `${base}${config.predict.file}` === entry ? config.predict : null;
    const symbol = own?.symbol ?? predictorClasses(root, names).at(-1);
    if (symbol === undefined)
      return blocked('F903', 1, `${entry} has no class that extends BasePredictor or BaseRunner.`);
    const predictor = findPredictor(root, symbol);
    if (typeof predictor === 'string')
      return blocked('F903', own?.line ?? 1, `${entry} cannot be served: ${predictor}.`);
    const trainFile = config.train === null ? null : `${base}${config.train.file}`;
    const siblings = importedFiles(folder, entry, root, parser);
    return withDefinitions(folder, siblings, parser, (_lookup, trees) => {
      const appName = kebabCase(name);
      const targets: Target[] = [{ predictor, appName, role: 'predict' }];
      if (trainFile === entry && config.train) {
        const train = findPredictor(root, config.train.symbol);
        if (typeof train !== 'string') targets.push({ predictor: train, appName: `${appName}-train`, role: 'train' });
      }
      const converted: ImportedFile[] = [];
      const texts = new Map<string, string>();
      for (const { file, tree, form } of soundSiblings(folder, siblings, trees, ledger)) {
        if (file === trainFile) continue;
        const { edits } = cogEdits(tree, form.text, file, ledger, new Map(), null);
        environmentNotes(tree, file, ledger, COG_VARIABLES);
        ledger.item('file', { file, line: 1 }, file, edits.length > 0 ? 'mapped' : 'kept');
        if (edits.length === 0) continue;
        const after = applyEdits(form.text, edits);
        texts.set(file, after);
        converted.push({ path: file, origin: 'converted', content: writeSource(after, form) });
      }
      const taken = new Set([...converted.map(({ path }) => path), ...(trainFile === null ? [] : [trainFile])]);
      const environment = planCogEnvironment(
        config,
        configPath,
        { folder, entry, siblings, taken, literals: stringsOf(root) },
        ledger,
      );
      const common = {
        config,
        environment: environment.environment,
        setup: environment.setup,
        constants: moduleConstants([root, ...trees.values()]),
        ledger,
        parser,
      };
      const { text: after, streams } = convertFile({ ...common, root, text: source.text, entry, targets });
      texts.set(entry, after);
      converted.push({ path: entry, origin: 'converted', content: writeSource(after, source) });
      if (trainFile !== null && trainFile !== entry) {
        const train = convertTrain(folder, trainFile, `${appName}-train`, common, parser);
        if (train) {
          texts.set(trainFile, train.text);
          converted.push(train.file);
        }
      }
      for (const [path, text] of environment.texts) texts.set(path, text);
      for (const file of environment.files) {
        if (!converted.some(({ path }) => path === file.path)) converted.push(file);
      }
      if (configPath !== null) settingNotes(config, configPath, entry, ledger);
      converted.sort((a, b) => (a.path < b.path ? -1 : 1));
      const report = buildReport(ledger, { platform: 'cog', entry, app: appName }, converted, texts, []);
      return { files: converted, report, original: { symbol, streams } };
    });
  });
}

/** The training function as an app of its own, in its own file; null, with a finding, when it cannot be. */
function convertTrain(
  folder: SourceFolder,
  file: string,
  appName: string,
  common: Omit<Parameters<typeof convertFile>[0], 'root' | 'text' | 'entry' | 'targets'>,
  parser: PythonParser,
): { file: ImportedFile; text: string } | null {
  const { config, ledger } = common;
  const refuse = (why: string): null => {
    ledger.note('F904', 'CHECK', {
      source: { file: 'cog.yaml', line: config.train!.line },
      text: `train: ${config.train!.file}:${config.train!.symbol}`,
      reason: `The training was not converted: ${why}.`,
      next: 'Write an app for it, with the function as its endpoint.',
    });
    return null;
  };
  const bytes = folder.files.get(file);
  const form = bytes ? readSource(bytes) : `${file} is not in the folder`;
  if (typeof form === 'string') return refuse(form);
  return parser.withTree(form.text, (root) => {
    const fault = syntaxFault(root, form.text);
    if (fault) return refuse(`${file} has a syntax error in line ${fault.line}: ${fault.what}`);
    const predictor = findPredictor(root, config.train!.symbol);
    if (typeof predictor === 'string') return refuse(predictor);
    const { text } = convertFile({
      ...common,
      constants: moduleConstants([root]),
      root,
      text: form.text,
      entry: file,
      targets: [{ predictor, appName, role: 'train' }],
    });
    return { file: { path: file, origin: 'converted', content: writeSource(text, form) }, text };
  });
}

import { applyEdits, type Edit } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { Ledger } from '../ledger.ts';
import { freeName, futureEdits, globalLines, identifiers, insertImports, itemsOf, lineOf } from '../module-edits.ts';
import { lateNames, type PlannedStatement, planModule } from '../module-plan.ts';
import { withComments } from '../move-statements.ts';
import { pascalCase, pythonString } from '../python-text.ts';
import { functionEdits, globalNames, pickledNames, setupBody, usesFileName } from '../setup-body.ts';
import type { Environment } from '../source-app.ts';
import type { PythonParser, SyntaxNode } from '../syntax.ts';
import { appClassEdits, type ClassEdits } from './app-class-edits.ts';
import type { CogConfig } from './cog-config.ts';
import { cogEdits } from './cog-edits.ts';
import { cogNames, isCogModule } from './cog-names.ts';
import { targetNotes } from './cog-notes.ts';
import { COG_VARIABLES } from './cog-variables.ts';
import { availableTo, describeApp } from './describe-app.ts';
import type { Constants } from './fold.ts';
import { bodyEdits, neededImports, outerApp, setupFits } from './place-app.ts';
import type { Predictor } from './predictor.ts';
import { helpers, models, type PredictorApp } from './predictor-code.ts';
import { predictorInputs } from './predictor-inputs.ts';

// Long: the one place where the parts of a predictor's file come together, in the order in which they need each other.

export interface Target {
  predictor: Predictor;
  appName: string;
  role: 'predict' | 'train';
}

export interface FileSource {
  root: SyntaxNode;
  text: string;
  entry: string;
  targets: Target[];
  config: CogConfig;
  environment: Environment;
  /** First lines of `setup`. */
  setup: string[];
  constants: Constants;
  ledger: Ledger;
  parser: PythonParser;
}

/** The text of a file with the apps of its predictors. */
export function convertFile(source: FileSource): { text: string; streams: 'joined' | 'items' | null } {
  const { root, text, entry, targets, ledger, parser } = source;
  const names = cogNames(root);
  const taken = identifiers(root);
  const first = targets[0]!.predictor;
  // A class becomes the app itself where it can; a function, and a class that cannot, is called by an app beside it.
  let plan = planWith(root, first.kind === 'class' ? first.lineage : []);
  let late = lateNames(plan);
  let inputs = allInputs(source, names, late);
  const nodes = new Map(inputs.flatMap((own) => own.inputs.map((input) => [input.node.id, input])));
  let library = cogEdits(root, text, entry, new Ledger(), nodes, null).edits;
  let own: ClassEdits | string = 'it is a function';
  if (first.kind === 'class') own = appClassEdits(first, names, late, text, library);
  if (first.kind === 'class' && typeof own !== 'string' && !setupFits(first)) own = 'its setup stands on one line';
  const wrapped = typeof own === 'string';
  if (wrapped) {
    plan = planWith(
      root,
      targets.flatMap(({ predictor }) => (predictor.kind === 'function' ? [predictor.node] : [])),
    );
    late = lateNames(plan);
    inputs = allInputs(source, names, late);
  }
  const byNode = new Map(inputs.flatMap((read) => read.inputs.map((input) => [input.node.id, input])));
  const definitions: string[] = [];
  library = cogEdits(root, text, entry, ledger, byNode, wrapped ? null : first.node, definitions).edits;
  const edits: Edit[] = [...library, ...functionEdits(plan, entry, ledger)];
  environmentNotes(root, entry, ledger, COG_VARIABLES);

  const apps = targets.map((target, at): PredictorApp => {
    const className = at === 0 && !wrapped ? target.predictor.name : freeName(pascalCase(target.appName), taken);
    taken.add(className);
    const asClass = !wrapped && at === 0;
    return describeApp({ ...source, target, className, inputs: inputs[at]!.inputs, names, late, asClass });
  });

  const before = source.setup.slice();
  if (usesFileName(root)) {
    before.push(`__file__ = os.path.join(os.getcwd(), ${pythonString(entry.split('/').at(-1)!)})`);
    ledger.note('F110', 'CHECK', {
      source: { file: entry, line: lineOf(root, '__file__') },
      text: '__file__',
      reason: 'A deployed app has no file of its own: __file__ is set to where it would be, in the working folder.',
      next: 'Check the paths that are built from it.',
    });
  }
  const moved = setupBody(plan, text, edits, new Set(), '    ');
  const lines = [...before.map((line) => `    ${line}`), ...moved.lines];
  if (lines.length > 0 && lines.every((line) => /^\s*(#|$)/.test(line))) lines.push('    pass');
  const prepare = lines.length === 0 ? null : freeFunction('prepare_runner', taken);
  const block =
    prepare === null
      ? []
      : [
          `def ${prepare}():`,
          '    """What the file did when it was imported, which only a runner can do. Called first by setup."""',
          ...globalLines(globalNames(lines, parser), '    '),
          ...pickledNames(plan, lines, parser, '    '),
          ...lines,
        ];

  const generated = [apps.map(models).join('\n\n\n'), helpers(apps), block.join('\n')].filter((part) => part !== '');
  const tail: string[] = [];
  const tailCode: string[] = [];
  if (typeof own !== 'string') {
    edits.push(...own.edits);
    const cls = first.node;
    const at = withComments(cls, text);
    edits.push({
      start: at,
      end: at,
      text: `${/\n[ \t]*\n[ \t]*\n$|^$/.test(text.slice(0, at)) ? '' : '\n'}${generated.join('\n\n\n')}\n\n\n`,
    });
    const body = bodyEdits(first, apps[0]!, prepare, text);
    edits.push(...body);
    tailCode.push(...body.map((edit) => edit.text));
  } else tail.push(...generated);
  for (const [at, app] of apps.entries()) {
    if (at > 0 || wrapped) tail.push(outerApp(app, targets[at]!.predictor, prepare).join('\n'));
  }
  const code = [...generated, ...tail, ...tailCode].join('\n');
  const keptEdits = edits.filter(
    (edit) => !moved.removals.some((gone) => edit.start >= gone.start && edit.start < gone.end && edit.end <= gone.end),
  );
  const imports = neededImports(code, plan);
  const head = insertImports(plan, text, definitions.length === 0 ? imports : [...imports, '', '', ...definitions, '']);
  const futures = futureEdits(plan, text, entry, ledger);
  let result = applyEdits(text, [...keptEdits, ...moved.removals, head, ...futures]).replace(/\s+$/, '');
  if (tail.length > 0) result = `${result}\n\n\n${tail.join('\n\n\n')}`;
  for (const [at, app] of apps.entries()) {
    targetNotes(app, targets[at]!, inputs[at]!, entry, wrapped ? (own as string) : null, ledger);
  }
  if (typeof own !== 'string' && own.wrapped.length > 0) {
    for (const decorator of own.wrapped) {
      ledger.note('F924', 'OK', {
        source: { file: entry, line: decorator.startPosition.row + 1 },
        text: decorator.text,
        reason: 'A decorator is evaluated when the file is imported: a with statement around the body does its work.',
      });
    }
  }
  itemsOf(plan, entry, edits, ledger);
  return { text: `${result}\n`, streams: apps[0]!.output.stream };
}

function planWith(root: SyntaxNode, pinned: readonly SyntaxNode[]): PlannedStatement[] {
  const ids = new Set(pinned.map((node) => (node.parent?.type === 'decorated_definition' ? node.parent.id : node.id)));
  return planModule(root, (node) => {
    if (ids.has(node.id)) return 'kept';
    return onlyCog(node) ? 'kept' : null;
  });
}

/** An import of nothing but Cog: what takes its place can be imported anywhere. */
function onlyCog(node: SyntaxNode): boolean {
  if (node.type === 'import_from_statement') return isCogModule(node.childForFieldName('module_name')?.text ?? '');
  if (node.type !== 'import_statement') return false;
  return node
    .childrenForFieldName('name')
    .every((item) => item && isCogModule((item.childForFieldName('name') ?? item).text));
}

function allInputs(source: FileSource, names: ReadonlyMap<string, string>, late: (name: string) => boolean) {
  return source.targets.map(({ predictor }) => {
    const available = availableTo(source.root, predictor.node, late);
    const scope = { names, constants: source.constants, available };
    return predictorInputs(predictor.method, predictor.kind === 'class', scope);
  });
}

function freeFunction(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  while (taken.has(name)) name += '_';
  return name;
}

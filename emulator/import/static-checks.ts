import { readDockerfile } from './dockerfile.ts';
import { importApp } from './import-app.ts';
import type { ImportedApp, SourceFolder } from './platform.ts';
import { syntaxFault } from './python-faults/syntax-fault.ts';
import { readSource } from './source-text.ts';
import { type PythonParser, walk } from './syntax.ts';

export interface StaticCheck {
  check: 'ledger' | 'marks' | 'comments' | 'untouched' | 'again' | 'left' | 'python';
  ok: boolean;
  detail: string;
}

/** What can be said of a conversion without running anything. Empty for a source that was not converted. */
export function staticChecks(folder: SourceFolder, app: ImportedApp, parser: PythonParser): StaticCheck[] {
  const { files } = app;
  if (files.length === 0) return [];
  const text = new Map<string, string>();
  for (const { path, content, origin } of files) {
    const read = origin === 'copied' ? '' : readSource(content);
    if (typeof read !== 'string') text.set(path, read.text);
  }
  return [
    ledgerCheck(folder, app, parser),
    marksCheck(app, text),
    commentsCheck(folder, app, text, parser),
    untouchedCheck(folder, app),
    againCheck(folder, app, parser),
    leftCheck(app, text, parser),
    pythonCheck(text, parser),
  ];
}

const result = (check: StaticCheck['check'], problems: readonly string[], good: string): StaticCheck => ({
  check,
  ok: problems.length === 0,
  detail: problems.length === 0 ? good : problems.slice(0, 5).join('; '),
});

/** Every statement of the entry and every instruction of a Dockerfile that was read stands in the report, once. */
function ledgerCheck(folder: SourceFolder, { report }: ImportedApp, parser: PythonParser): StaticCheck {
  const source = readSource(folder.files.get(report.entry)!);
  if (typeof source === 'string') return result('ledger', [source], '');
  const problems: string[] = [];
  const at = (kind: string, file: string): number[] =>
    report.items.filter((item) => item.kind === kind && item.source.file === file).map((item) => item.source.line);
  const statements = at('statement', report.entry);
  const wanted = parser.withTree(source.text, (root) =>
    root.namedChildren.filter(({ type }) => type !== 'comment').map((node) => node.startPosition.row + 1),
  );
  problems.push(...missing(wanted, statements).map((line) => `${report.entry}:${line} is in no item`));
  problems.push(...missing(statements, wanted).map((line) => `${report.entry}:${line} is in two items`));
  let instructions = 0;
  for (const file of new Set(report.items.flatMap((item) => (item.kind === 'docker' ? [item.source.file] : [])))) {
    const all = readDockerfile(Buffer.from(folder.files.get(file) ?? '').toString('utf8')).map(({ start }) => start);
    instructions += all.length;
    problems.push(...missing(all, at('docker', file)).map((line) => `${file}:${line} is in no item`));
  }
  for (const item of report.items.filter(({ outcome }) => outcome === 'reported')) {
    const told = report.findings.some(
      ({ source: place }) => place?.file === item.source.file && place.line >= item.source.line,
    );
    if (!told) problems.push(`${item.source.file}:${item.source.line} is reported by no finding`);
  }
  return result(
    'ledger',
    problems,
    `${wanted.length} statements, ${instructions} instructions, ${report.items.length} items`,
  );
}

/** Values of the first list that the second has fewer times. */
function missing(wanted: readonly number[], there: readonly number[]): number[] {
  const left = [...there];
  return wanted.filter((value) => {
    const index = left.indexOf(value);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** Every TODO of the code has a row, at its line, and every row of that level a TODO. */
function marksCheck({ report }: ImportedApp, text: ReadonlyMap<string, string>): StaticCheck {
  const marks = [...text].flatMap(([file, content]) =>
    content.split('\n').flatMap((line, index) => {
      const code = /TODO\(fal-import\): (F\d+)/.exec(line)?.[1];
      return code === undefined ? [] : [`${file}:${index + 1} ${code}`];
    }),
  );
  const rows = report.findings
    .filter(({ level }) => level === 'TODO')
    .map(({ target, code }) => `${target?.file}:${target?.line} ${code}`);
  const problems = [
    ...marks.filter((mark) => !rows.includes(mark)).map((mark) => `${mark} has no row`),
    ...rows.filter((row) => !marks.includes(row)).map((row) => `${row} has no mark`),
  ];
  return result('marks', problems, `${marks.length} marks`);
}

/** Comments of the converted files are still there; those of a call or import that went as a whole may not be. */
function commentsCheck(
  folder: SourceFolder,
  { files, report }: ImportedApp,
  text: ReadonlyMap<string, string>,
  parser: PythonParser,
): StaticCheck {
  const lost: string[] = [];
  let count = 0;
  for (const { path, origin } of files) {
    const bytes = folder.files.get(path);
    const source = bytes && origin === 'converted' && path.endsWith('.py') ? readSource(bytes) : '';
    if (typeof source === 'string') continue;
    const after = text.get(path) ?? '';
    const gone = report.findings.filter(({ source: at }) => at?.file === path).map(({ source: at }) => at!.line);
    parser.withTree(source.text, (root) => {
      for (const node of walk(root)) {
        if (node.type !== 'comment') continue;
        count++;
        const line = node.startPosition.row + 1;
        if (!after.includes(node.text.trimEnd()) && !gone.some((at) => Math.abs(at - line) <= 12))
          lost.push(`${path}:${line} ${node.text}`);
      }
    });
  }
  return result('comments', lost, `${count} comments`);
}

/** Line ends, byte order mark and the files that were copied are as they were. */
function untouchedCheck(folder: SourceFolder, { files }: ImportedApp): StaticCheck {
  const problems: string[] = [];
  for (const { path, content, origin } of files) {
    const before = folder.files.get(path);
    if (!before || origin === 'written') continue;
    if (origin === 'copied') {
      if (Buffer.compare(before, content) !== 0) problems.push(`${path} is not what it was`);
      continue;
    }
    const [one, other] = [readSource(before), readSource(content)];
    if (typeof one === 'string' || typeof other === 'string' || one.newline === other.newline) continue;
    problems.push(`${path} has other line ends`);
  }
  return result('untouched', problems, `${files.length} files`);
}

/** The same a second time; and what was converted is not converted again. */
function againCheck(folder: SourceFolder, { files, report }: ImportedApp, parser: PythonParser): StaticCheck {
  const problems: string[] = [];
  const second = importApp(folder, { from: report.platform, entry: report.entry }, parser);
  if (JSON.stringify(second) !== JSON.stringify({ ...second, files, report }))
    problems.push('another result the second time');
  const converted = new Map(files.map(({ path, content }) => [path, content]));
  try {
    const again = importApp({ ...folder, files: converted }, { from: 'auto', entry: report.entry }, parser);
    if (again.files.length > 0) problems.push('the converted file is converted again');
  } catch (error) {
    if (!(error instanceof Error) || !/No app to import/.test(error.message)) throw error;
  }
  return result('again', problems, 'the same twice');
}

/** No import of the platform that was left. */
function leftCheck({ report }: ImportedApp, text: ReadonlyMap<string, string>, parser: PythonParser): StaticCheck {
  const problems: string[] = [];
  for (const [path, content] of text) {
    if (!path.endsWith('.py')) continue;
    parser.withTree(content, (root) => {
      for (const node of root.descendantsOfType(['import_statement', 'import_from_statement'])) {
        const from = node.childForFieldName('module_name')?.text;
        const names = node
          .childrenForFieldName('name')
          .map((item) => (item?.childForFieldName('name') ?? item)?.text ?? '');
        const modules = from === undefined ? names : [from];
        if (modules.some((name) => name.split('.')[0] === report.platform))
          problems.push(`${path}:${node.startPosition.row + 1} ${node.text}`);
      }
    });
  }
  return result('left', problems, `nothing imports ${report.platform}`);
}

/** Every Python file that was written parses. */
function pythonCheck(text: ReadonlyMap<string, string>, parser: PythonParser): StaticCheck {
  const problems = [...text].flatMap(([path, content]) => {
    if (!path.endsWith('.py')) return [];
    const fault = parser.withTree(content, (root) => syntaxFault(root, content));
    return fault ? [`${path}:${fault.line} is not Python: ${fault.what}`] : [];
  });
  return result('python', problems, 'every file parses');
}

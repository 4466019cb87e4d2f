import ts from 'typescript';

/** A place that breaks a rule: `file:line: what`. */
export type Violation = string;

// Time comes from the injected clock, settings from parameters, output through the log: so that a test can freeze, set
// and read them. These folders are the edges where the real ones enter.
const RULES = [
  { name: 'Date.now', allowed: /^emulator\/(core\/clock\.ts|cli\/)|^extension\/platform\/|^webview\/page\// },
  { name: 'performance.now', allowed: /^emulator\/(core\/clock\.ts|cli\/)|^extension\/platform\// },
  { name: 'setTimeout', allowed: /^emulator\/(core\/clock\.ts|cli\/)|^extension\/platform\// },
  { name: 'setInterval', allowed: /^emulator\/(core\/clock\.ts|cli\/)|^extension\/platform\// },
  { name: 'new Date()', allowed: /^emulator\/(core\/clock\.ts|cli\/)|^extension\/platform\// },
  { name: 'process.env', allowed: /^emulator\/cli\/|^extension\/platform\// },
  { name: 'console', allowed: /^emulator\/cli\// },
] as const;

/** What the core decides follows from what it is told: it reads no process and draws no lots. */
const IMPURE = /^(process\.|Math\.random$|crypto\.)/;

const MAX_LINES = 300;

/** What a source file of emulator/, extension/ or webview/ does that the house rules forbid. */
export function violations(file: string, text: string): Violation[] {
  const found = namesUsed(file, text)
    .filter(
      ({ name }) =>
        RULES.some((rule) => rule.name === name && !rule.allowed.test(file)) ||
        (file.startsWith('emulator/core/') && IMPURE.test(name)),
    )
    .map(({ name, line }) => `${file}:${line}: ${name}`);
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES && !/^\/\/ Long: \S/m.test(text)) {
    found.push(`${file}:1: ${lines} lines; over ${MAX_LINES} a line "// Long: <reason>" is needed`);
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.(ts|tsx|cts|mts)$/.test(file.split('/').at(-1) ?? '')) {
    found.push(`${file}:1: not kebab-case`);
  }
  if (/\/(utils?|helpers?|misc|common)\.ts$/.test(file)) found.push(`${file}:1: name the topic`);
  if (/\/index\.ts$/.test(file) && file !== 'emulator/contract/index.ts') found.push(`${file}:1: barrel file`);
  return found;
}

function namesUsed(file: string, text: string): { name: string; line: number }[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const used: { name: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const name = nameOf(node);
    if (name) used.push({ name, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return used;
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const name = `${node.expression.text}.${node.name.text}`;
    return node.expression.text === 'console' ? 'console' : name;
  }
  // A bare call, not a method of the same name: `clock.setTimeout` is the right one.
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) return node.expression.text;
  if (ts.isNewExpression(node) && node.getText().replace(/\s/g, '') === 'newDate()') return 'new Date()';
  return undefined;
}

import ts from 'typescript';

const SHOWN_BY = /^(show(Information|Warning|Error)Message|setStatusBarMessage)$/;
const SHOWN_PROPERTIES = /^(title|placeHolder|prompt|openLabel|tooltip|label|detail)$/;
/** The product's own name is the same in every language. */
const NAMES = /^(Windtunnel)?$/;

/** English that an editor shows without `vscode.l10n.t`, as `file:line: text`. */
export function rawStrings(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node | undefined): void => {
    if (!node || !(ts.isStringLiteralLike(node) || ts.isTemplateExpression(node))) return;
    const words = ts.isStringLiteralLike(node) ? node.text : node.getText();
    // A template of nothing but values and signs says no word of its own, and one small word is an id.
    const own = words.replace(/\$\{[^}]*\}|\$\([\w~-]+\)/g, '');
    if (NAMES.test(words) || !/[a-z]{2}/i.test(own) || /^[a-z]+$/.test(own)) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${file}:${line + 1}: ${words}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      if (SHOWN_BY.test(node.expression.name.text)) for (const argument of node.arguments) look(argument);
    }
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && SHOWN_PROPERTIES.test(node.name.text)) {
      look(node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

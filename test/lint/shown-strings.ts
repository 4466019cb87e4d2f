import ts from 'typescript';

const SHOWN_BY = /^(show(Information|Warning|Error)Message|setStatusBarMessage)$/;
const SHOWN_PROPERTIES = /^(title|placeHolder|prompt|openLabel|tooltip|label|detail|description|iconText)$/;
/** What pages show or say by an attribute of an element. */
const SHOWN_ATTRIBUTES = /^(title|placeholder|alt|label|aria-(label|description|roledescription|valuetext))$/;
/** Names are the same in every language. */
const NAMES = /^(Windtunnel|JSON|fal\.App)?$/;

/** English that an editor or one of its pages shows without `l10n.t`, as `file:line: text`. */
export function rawStrings(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node | undefined): void => {
    if (!node || !(ts.isStringLiteralLike(node) || ts.isTemplateExpression(node))) return;
    const words = ts.isStringLiteralLike(node) ? node.text : node.getText();
    // A template of nothing but values and signs says no word of its own, and one small word is an id.
    const literal = ts.isStringLiteralLike(node)
      ? node.text
      : [node.head, ...node.templateSpans.map((span) => span.literal)].map((part) => part.text).join('');
    const own = literal.replace(/\$\([\w~-]+\)/g, '');
    if (NAMES.test(words) || !/[a-z]{2}/i.test(own) || /^[a-z]+$/.test(own)) return;
    add(node, words);
  };
  const add = (node: ts.Node, words: string): void => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${file}:${line + 1}: ${words}`);
  };
  /** Texts that an expression between tags or of an attribute comes to; elements inside are looked at by themselves. */
  const lookInside = (node: ts.Node): void => {
    look(node);
    if (ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node)) return;
    // What a call is given is not what it comes to: `l10n.t`, but also `startsWith`.
    if (ts.isCallExpression(node)) return;
    ts.forEachChild(node, lookInside);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      if (SHOWN_BY.test(node.expression.name.text)) for (const argument of node.arguments) look(argument);
    }
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && SHOWN_PROPERTIES.test(node.name.text)) {
      lookInside(node.initializer);
    }
    if (ts.isJsxText(node) && /[a-z]{2}/i.test(node.text) && !NAMES.test(node.text.trim())) add(node, node.text.trim());
    if (ts.isJsxAttribute(node) && SHOWN_ATTRIBUTES.test(node.name.getText()) && node.initializer) {
      lookInside(node.initializer);
    }
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) lookInside(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

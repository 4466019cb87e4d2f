import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { boundNames } from '../names.ts';
import { type SyntaxNode, walk } from '../syntax.ts';
import { bodyStart, removeDecorator } from './definition-edits.ts';
import { shapeOf } from './methods.ts';
import type { Definition, ModalModule } from './read-module.ts';
import { meansModule, parameterNames } from './scope.ts';

export interface LocalCode {
  edits: Edit[];
  /** The block that runs the entrypoints; empty when there is none to write. */
  main: string[];
  /** Whether a local function calls load_module. */
  loads: boolean;
}

/** Local entrypoints become functions that the file runs as a program; what they need of late imports they import. */
export function localCode(module: ModalModule, text: string, file: string, ledger: Ledger): LocalCode {
  const result: LocalCode = { edits: [], main: [], loads: false };
  const { entrypoints, statements } = module;
  const main = statements.find(({ fate, node }) => fate === 'local' && node.type === 'if_statement');
  for (const { node, decorators } of entrypoints) {
    for (const decorator of decorators)
      if (decorator.path !== null) result.edits.push(removeDecorator(decorator.node, text));
    addImports(node, module, text, result);
    const decorator = decorators.find(({ path }) => path === 'app.local_entrypoint')!;
    ledger.note('F782', 'CHECK', {
      source: { file, line: decorator.node.startPosition.row + 1 },
      text: decorator.node.text,
      reason: main
        ? 'The file has a block of its own for when it is run: this function is not called by it.'
        : 'The file can be run as a program, in the place of modal run: the arguments are those of the function.',
      next: main
        ? `python -c 'import …; ….${node.childForFieldName('name')?.text}()'`
        : `python ${file}, with its app deployed or running.`,
      anchor: { file, text: `def ${node.childForFieldName('name')?.text}(` },
    });
  }
  if (main) addImports(main.node, module, text, result);
  if (main || entrypoints.length === 0) return result;
  result.main = ['if __name__ == "__main__":', '    import argparse', ''];
  const [only] = entrypoints;
  if (entrypoints.length === 1) {
    result.main.push(
      '    parser = argparse.ArgumentParser()',
      ...argumentLines(only!, 'parser'),
      `    ${callLine(only!, 'parser.parse_args()')}`,
    );
    if (shapeOf(only!.node).asynchronous) result.main.splice(1, 0, '    import asyncio');
    return result;
  }
  result.main.push(
    '    parser = argparse.ArgumentParser()',
    '    commands = parser.add_subparsers(dest="command", required=True)',
  );
  for (const entrypoint of entrypoints) {
    result.main.push(
      `    command = commands.add_parser(${JSON.stringify(entrypoint.name)})`,
      ...argumentLines(entrypoint, 'command'),
    );
  }
  result.main.push('    given = vars(parser.parse_args())', '    command = given.pop("command")');
  for (const entrypoint of entrypoints) {
    const call = shapeOf(entrypoint.node).asynchronous
      ? `asyncio.run(${entrypoint.name}(**given))`
      : `${entrypoint.name}(**given)`;
    result.main.push(`    if command == ${JSON.stringify(entrypoint.name)}:`, `        ${call}`);
  }
  if (entrypoints.some(({ node }) => shapeOf(node).asynchronous)) result.main.splice(1, 0, '    import asyncio');
  return result;
}

function callLine({ name, node }: Definition, given: string): string {
  const star = (node.childForFieldName('parameters')?.namedChildren ?? []).find(
    ({ type }) => type === 'list_splat_pattern',
  );
  const call = star ? `${name}(*${given}.${parameterNames(star)[0]})` : `${name}(**vars(${given}))`;
  return shapeOf(node).asynchronous ? `asyncio.run(${call})` : call;
}

/** What is not given stays away, so that the function's own defaults hold. */
function argumentLines({ node }: Definition, parser: string): string[] {
  const lines: string[] = [];
  for (const parameter of node.childForFieldName('parameters')?.namedChildren ?? []) {
    if (/comment|separator/.test(parameter.type)) continue;
    const [name] = parameterNames(parameter);
    if (name === undefined) continue;
    const inner = parameter.type === 'typed_parameter' ? parameter.namedChildren[0]! : parameter;
    if (inner.type === 'list_splat_pattern') {
      lines.push(`    ${parser}.add_argument(${JSON.stringify(name)}, nargs="*")`);
      continue;
    }
    if (inner.type === 'dictionary_splat_pattern') continue;
    const value = parameter.childForFieldName('value');
    const annotation = parameter.childForFieldName('type')?.text ?? '';
    const flag = JSON.stringify(`--${name.replaceAll('_', '-')}`);
    const options = [flag];
    if (/\bbool\b/.test(annotation) || (value && /^(true|false)$/.test(value.type)))
      options.push('action=argparse.BooleanOptionalAction');
    else if (/\bint\b/.test(annotation) || value?.type === 'integer') options.push('type=int');
    else if (/\bfloat\b/.test(annotation) || value?.type === 'float') options.push('type=float');
    options.push(value ? 'default=argparse.SUPPRESS' : 'required=True');
    lines.push(`    ${parser}.add_argument(${options.join(', ')})`);
  }
  return lines;
}

/** Imports that moved away and are needed where the code runs on the developer's machine. */
function addImports(node: SyntaxNode, module: ModalModule, text: string, result: LocalCode): void {
  const wanted = reads(node, module, new Set());
  const late = module.statements.filter(
    ({ fate, node: at }) =>
      fate === 'late' && [...boundNames(at)].some((name) => wanted.has(name) && !module.shared.has(name)),
  );
  if (late.length === 0) return;
  const lines: string[] = [];
  const names: string[] = [];
  for (const { node: at, image } of late) {
    const plain = image === null && ((/^import/.test(at.type) && !at.text.includes('*')) || isAssignment(at));
    if (!plain) {
      result.loads = true;
      if (!lines.includes('load_module()')) lines.push('load_module()');
      continue;
    }
    lines.push(at.text.replaceAll(/\s*\n\s*/g, ' '));
    names.push(...boundNames(at));
  }
  const isFunction = node.type === 'function_definition';
  if (isFunction && names.length > 0) lines.unshift(`global ${[...new Set(names)].sort().join(', ')}`);
  const body = isFunction ? bodyStart(node, text) : blockStart(node, text);
  if (!body || lines.length === 0) return;
  result.edits.push({ start: body.at, end: body.at, text: lines.map((line) => `${body.indent}${line}\n`).join('') });
}

function isAssignment(node: SyntaxNode): boolean {
  return node.type === 'expression_statement' && node.namedChildren[0]?.type === 'assignment';
}

function blockStart(node: SyntaxNode, text: string): { at: number; indent: string } | null {
  const first = node.childForFieldName('consequence')?.namedChildren[0];
  if (!first) return null;
  const at = text.lastIndexOf('\n', first.startIndex - 1) + 1;
  const indent = text.slice(at, first.startIndex);
  return indent.trim() === '' && indent !== '' ? { at, indent } : null;
}

/** Names of the module that code reads, by itself and through the functions that it calls. */
function reads(node: SyntaxNode, module: ModalModule, seen: Set<string>): Set<string> {
  const found = new Set<string>();
  for (const child of walk(node)) {
    if (child.type !== 'identifier' || seen.has(child.text)) continue;
    const { parent } = child;
    if (parent?.type === 'attribute' && parent.childForFieldName('attribute')?.id === child.id) continue;
    if (!meansModule(child)) continue;
    found.add(child.text);
    const statement = module.statements.find(
      ({ fate, node: at }) =>
        (fate === 'kept' || fate === 'late') && !/^import/.test(at.type) && boundNames(at).has(child.text),
    );
    if (!statement || statement.node.id === node.id) continue;
    seen.add(child.text);
    for (const name of reads(statement.node, module, seen)) found.add(name);
  }
  return found;
}

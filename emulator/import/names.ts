import type { SyntaxNode } from './syntax.ts';

/** Names that running a statement at module level binds there. Star imports bind `*`. */
export function boundNames(statement: SyntaxNode): Set<string> {
  const names = new Set<string>();
  bind(statement, names);
  return names;
}

function bind(node: SyntaxNode, names: Set<string>): void {
  switch (node.type) {
    case 'function_definition':
    case 'class_definition':
      names.add(node.childForFieldName('name')?.text ?? '');
      return;
    case 'lambda':
    case 'list_comprehension':
    case 'set_comprehension':
    case 'dictionary_comprehension':
    case 'generator_expression':
      for (const child of node.descendantsOfType('named_expression')) target(child.childForFieldName('name'), names);
      return;
    case 'assignment':
    case 'augmented_assignment':
    case 'for_statement':
      target(node.childForFieldName('left'), names);
      break;
    case 'named_expression':
      target(node.childForFieldName('name'), names);
      break;
    case 'as_pattern_target':
      target(node.namedChildren[0] ?? null, names);
      return;
    case 'type_alias_statement':
      target(node.childForFieldName('left')?.namedChildren[0] ?? null, names);
      return;
    case 'case_pattern':
      // A capture pattern binds its name; a dotted one only reads.
      for (const child of node.descendantsOfType('dotted_name')) {
        if (!child.text.includes('.')) names.add(child.text);
      }
      return;
    case 'import_statement':
    case 'import_from_statement':
    case 'future_import_statement':
      importNames(node, names);
      return;
  }
  for (const child of node.namedChildren) bind(child, names);
}

function importNames(node: SyntaxNode, names: Set<string>): void {
  if (node.namedChildren.some(({ type }) => type === 'wildcard_import')) names.add('*');
  for (const item of node.childrenForFieldName('name')) {
    if (!item) continue;
    const alias = item.childForFieldName('alias')?.text;
    const name = (item.childForFieldName('name') ?? item).text;
    // `import a.b` binds `a`.
    names.add(alias ?? (node.type === 'import_statement' ? name.split('.')[0]! : name));
  }
}

function target(node: SyntaxNode | null, names: Set<string>): void {
  if (!node) return;
  if (node.type === 'identifier') names.add(node.text);
  else if (
    /^(pattern_list|tuple_pattern|list_pattern|list_splat_pattern|tuple|list|parenthesized_expression)$/.test(node.type)
  ) {
    for (const child of node.namedChildren) target(child, names);
  } else if (node.type === 'as_pattern_target') target(node.namedChildren[0] ?? null, names);
}

/** Names that running a statement reads at once: bodies of functions and lambdas run later and do not count. */
export function readNames(statement: SyntaxNode): Set<string> {
  const names = new Set<string>();
  read(statement, names, new Set());
  return names;
}

function read(node: SyntaxNode | null, names: Set<string>, hidden: ReadonlySet<string>): void {
  if (!node) return;
  switch (node.type) {
    case 'identifier':
      if (!hidden.has(node.text)) names.add(node.text);
      return;
    case 'attribute':
      read(node.childForFieldName('object'), names, hidden);
      return;
    case 'keyword_argument':
      read(node.childForFieldName('value'), names, hidden);
      return;
    case 'import_statement':
    case 'import_from_statement':
    case 'future_import_statement':
    case 'global_statement':
      return;
    case 'lambda':
      parameters(node.childForFieldName('parameters'), names, hidden);
      return;
    case 'function_definition':
      parameters(node.childForFieldName('parameters'), names, hidden);
      read(node.childForFieldName('return_type'), names, hidden);
      return;
    case 'class_definition': {
      read(node.childForFieldName('superclasses'), names, hidden);
      const body = node.childForFieldName('body');
      const own = new Set([...hidden, ...(body ? boundNames(body) : [])]);
      for (const child of body?.namedChildren ?? []) read(child, names, own);
      return;
    }
    case 'list_comprehension':
    case 'set_comprehension':
    case 'dictionary_comprehension':
    case 'generator_expression': {
      const own = new Set(hidden);
      for (const clause of node.descendantsOfType('for_in_clause')) target(clause.childForFieldName('left'), own);
      for (const child of node.namedChildren) read(child, names, own);
      return;
    }
  }
  for (const child of node.namedChildren) read(child, names, hidden);
}

/** Defaults and annotations; the parameters' own names are the function's. */
function parameters(node: SyntaxNode | null, names: Set<string>, hidden: ReadonlySet<string>): void {
  for (const child of node?.namedChildren ?? []) {
    read(child.childForFieldName('value'), names, hidden);
    read(child.childForFieldName('type'), names, hidden);
  }
}

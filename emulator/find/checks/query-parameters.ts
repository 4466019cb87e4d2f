import type { FoundEndpoint } from '../../contract/index.ts';
import type { SyntaxNode } from '../python-parser.ts';
import { rangeOf, type SourceFinding, type SourceFix, type SourceRange } from './finding.ts';

/** Annotations that FastAPI reads from the query, and what wraps them. */
const SCALAR = /^(str|int|float|bool|bytes|UUID|uuid\.UUID|Decimal|datetime|date|Path|Literal\[.*\])$/s;
const OPTIONAL = /^(?:Optional|typing\.Optional)\[(.*)\]$/s;
/** Defaults that say where a parameter comes from. Source: FastAPI's parameter functions. */
const PLACED = /^(fastapi\.)?(Body|Form|File|Header|Cookie|Depends|Security|Query|Path)\(/;

/**
 * Parameters of endpoints that are no model: FastAPI takes them from the query string, where fal's clients, which send JSON,
 * put nothing.
 */
export function queryParameters(body: SyntaxNode, endpoints: readonly FoundEndpoint[]): SourceFinding[] {
  const methods = new Map(endpoints.filter(({ kind }) => kind === 'http').map((one) => [one.method, one]));
  return body.descendantsOfType('function_definition').flatMap((node): SourceFinding[] => {
    const endpoint = methods.get(node?.childForFieldName('name')?.text ?? '');
    if (!node || !endpoint) return [];
    const parameters = node.childForFieldName('parameters')?.namedChildren ?? [];
    // The first one is self.
    return parameters.slice(1).flatMap((parameter): SourceFinding[] => {
      const read = readParameter(parameter);
      if (read === null || endpoint.path.includes(`{${read.name}}`)) return [];
      return [
        {
          check: 'query-parameter',
          level: 'warning',
          message: `${read.name} of ${endpoint.method}() comes from the query string, where fal's clients send nothing.`,
          hint: `Take a pydantic model with a field ${read.name}, or write ${inBody(read)}.`,
          range: rangeOf(parameter),
          fix: {
            title: `Take ${read.name} from the JSON body`,
            edits: [...missingImports(body.tree.rootNode), { range: annotated(parameter), text: inBody(read) }],
          },
        },
      ];
    });
  });
}

/** Valid wherever the parameter stands, also before ones without a default. */
const inBody = ({ name, type }: { name: string; type: string }): string =>
  `${name}: Annotated[${type}, Body(embed=True)]`;

/** Name and annotation of a parameter, without its default. */
function annotated(parameter: SyntaxNode): SourceRange {
  const value = parameter.childForFieldName('value');
  const last = value && (parameter.childForFieldName('type') ?? parameter.childForFieldName('name'));
  return { start: rangeOf(parameter).start, end: rangeOf(last ?? parameter).end };
}

const IMPORTS = [
  { name: 'Annotated', line: 'from typing import Annotated' },
  { name: 'Body', line: 'from fastapi import Body' },
];

/** Lines before the first import of the file, for what the fix names and the file does not import. */
function missingImports(root: SyntaxNode): SourceFix['edits'] {
  const imports = root.namedChildren.filter((node) => /^import(_from)?_statement$/.test(node?.type ?? ''));
  const at = { line: (imports[0]?.startPosition.row ?? 0) + 1, column: 0 };
  const missing = IMPORTS.filter(
    ({ name }) =>
      !imports.some((node) => node?.type === 'import_from_statement' && new RegExp(`\\b${name}\\b`).test(node.text)),
  );
  return missing.length === 0
    ? []
    : [{ range: { start: at, end: at }, text: `${missing.map(({ line }) => line).join('\n')}\n` }];
}

function readParameter(node: SyntaxNode): { name: string; type: string } | null {
  const name = node.type === 'identifier' ? node : (node.childForFieldName('name') ?? node.namedChildren[0]);
  if (!name || !/^(identifier|typed_parameter|default_parameter|typed_default_parameter)$/.test(node.type)) return null;
  if (name.type !== 'identifier') return null;
  const type = node.childForFieldName('type')?.text ?? '';
  const value = node.childForFieldName('value')?.text ?? '';
  if (PLACED.test(value)) return null;
  // Without an annotation FastAPI takes it for a string of the query.
  return isScalar(type) ? { name: name.text, type: type === '' ? 'str' : type } : null;
}

function isScalar(type: string): boolean {
  const inner = OPTIONAL.exec(type)?.[1];
  if (inner !== undefined) return isScalar(inner.trim());
  const parts = type.split('|').map((part) => part.trim());
  if (parts.length > 1) return parts.filter((part) => part !== 'None').every(isScalar);
  return type === '' || SCALAR.test(type);
}

import type { FoundEndpoint } from '../../contract/index.ts';
import type { SyntaxNode } from '../python-parser.ts';
import { rangeOf, type SourceFinding } from './finding.ts';

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
          hint: `Take a pydantic model with a field ${read.name}, or write Body(): ${read.name}: ${read.type} = Body(embed=True).`,
          range: rangeOf(parameter),
        },
      ];
    });
  });
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

import type { Place } from './report.ts';
import { dotted, type SyntaxNode, stringText, walk } from './syntax.ts';

export interface EnvironmentRead {
  name: string;
  node: SyntaxNode;
}

/** Environment variables that a file reads by a literal name. */
export function environmentReads(root: SyntaxNode): EnvironmentRead[] {
  const found: EnvironmentRead[] = [];
  for (const node of walk(root)) {
    if (node.type === 'subscript' && /^(os\.)?environ$/.test(dotted(node.childForFieldName('value')) ?? '')) {
      const parent = node.parent;
      const written = parent?.type === 'assignment' && parent.childForFieldName('left')?.id === node.id;
      const name = stringText(node.childrenForFieldName('subscript')[0] ?? null);
      if (name !== null && !written) found.push({ name, node });
    }
    if (node.type === 'call') {
      const callee = dotted(node.childForFieldName('function')) ?? '';
      if (!/^(os\.)?(getenv|environ\.get)$/.test(callee)) continue;
      const name = stringText(node.childForFieldName('arguments')?.namedChildren[0] ?? null);
      if (name !== null) found.push({ name, node });
    }
  }
  return found;
}

/** Whether a variable of this name holds something that must not stand in a file. */
export function isSecretName(name: string): boolean {
  return (
    /(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(_|$)/i.test(name) && !/^(MAX|MIN|NUM|TOKENIZERS?)_/i.test(name)
  );
}

export interface SecretNeed {
  name: string;
  source: Place;
}

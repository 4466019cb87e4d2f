import type { Ledger } from './ledger.ts';
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

/**
 * A finding for each environment variable that a file reads and the result does not set by itself (`set`): a secret, the platform's
 * own (`own`), or configuration.
 */
export function environmentNotes(
  root: SyntaxNode,
  file: string,
  ledger: Ledger,
  own: { prefix: RegExp; name: string },
  set: ReadonlySet<string> = new Set(),
): void {
  const seen = new Set<string>(set);
  for (const { name, node } of environmentReads(root)) {
    if (seen.has(name)) continue;
    seen.add(name);
    const source = { file, line: node.startPosition.row + 1 };
    if (isSecretName(name)) {
      ledger.note('F601', 'CHECK', {
        source,
        text: name,
        reason: `${name} looks like a secret: the app reads it at run time.`,
        next: `fal secrets set ${name}=…`,
      });
    } else if (own.prefix.test(name)) {
      ledger.note('F603', 'CHECK', {
        source,
        text: name,
        reason: `${name} was set by ${own.name} and is not set by fal.`,
        next: 'Check what the code does without it, or set it yourself.',
      });
    } else {
      ledger.note('F602', 'CHECK', {
        source,
        text: name,
        reason: `${name} is configuration from the environment; nothing sets it at fal unless the Dockerfile does.`,
        next: `Set it in the Dockerfile, or as a secret: fal secrets set ${name}=…`,
      });
    }
  }
}

import { isDataclass } from '../dataclasses.ts';
import { BUILTINS, hasEffect } from '../module-plan.ts';
import { boundNames, readNames } from '../names.ts';
import type { SyntaxNode } from '../syntax.ts';
import type { ModalModule } from './read-module.ts';
import { sharedAnnotation } from './shared-objects.ts';
import { type KnownTypes, typeOf } from './signature.ts';

const MODEL_BASES = /^(BaseModel|RootModel|GenericModel|BaseSettings|Enum|IntEnum|StrEnum|Flag|TypedDict|NamedTuple)$/;
const FROM_STANDARD = /^(datetime|decimal|uuid|pathlib)$/;

/** What annotations and defaults may name in code that stands at `before`. */
export function knownTypes(module: ModalModule, before: number): KnownTypes {
  const kept = new Map<string, SyntaxNode>();
  const imported = new Map<string, { module: string; name: string }>();
  const typingModules = new Set<string>();
  for (const { node, fate } of module.statements) {
    if (fate !== 'kept' || node.startIndex >= before) continue;
    for (const name of boundNames(node)) kept.set(name, node);
    if (node.type === 'import_statement') {
      for (const item of node.childrenForFieldName('name')) {
        const name = (item?.childForFieldName('name') ?? item)?.text ?? '';
        if (name === 'typing' || name === 'typing_extensions')
          typingModules.add(item?.childForFieldName('alias')?.text ?? name);
      }
    }
    if (node.type !== 'import_from_statement') continue;
    for (const item of node.childrenForFieldName('name')) {
      const name = (item?.childForFieldName('name') ?? item)?.text ?? '';
      const alias = item?.childForFieldName('alias')?.text ?? name;
      imported.set(alias, { module: node.childForFieldName('module_name')?.text ?? '', name });
    }
  }
  const safe = (node: SyntaxNode): boolean => {
    if (hasEffect(node)) return false;
    return [...readNames(node)].every((name) => kept.has(name) || BUILTINS.has(name));
  };
  const types: KnownTypes = {
    has: (name) => isType(name, new Set()),
    typing: (name) => {
      const from = imported.get(name);
      return from ? /^typing(_extensions)?$/.test(from.module) && from.name === name : typingModules.has(name);
    },
    safe,
    shared: (node) => sharedAnnotation(node, module.names),
    dataclass: (name) => {
      const node = kept.get(name);
      return (
        node?.type === 'decorated_definition' &&
        isDataclass(node) &&
        node.childForFieldName('definition')?.type === 'class_definition'
      );
    },
  };
  const isType = (name: string, seen: Set<string>): boolean => {
    if (seen.has(name)) return false;
    seen.add(name);
    const from = imported.get(name);
    if (from)
      return (
        FROM_STANDARD.test(from.module) ||
        (from.module === 'pydantic' &&
          /^(HttpUrl|AnyUrl|AnyHttpUrl|Json|SecretStr|PositiveInt|PositiveFloat|NonNegativeInt|StrictInt|StrictStr)$/.test(
            name,
          ))
      );
    const statement = kept.get(name);
    if (!statement) return false;
    const definition =
      statement.type === 'decorated_definition' ? statement.childForFieldName('definition')! : statement;
    if (definition.type === 'class_definition') {
      if (statement.type === 'decorated_definition' && isDataclass(statement)) return false;
      const bases = definition.childForFieldName('superclasses')?.namedChildren ?? [];
      return bases.some((base) => MODEL_BASES.test(base.text.split('.').at(-1)!) || isType(base.text, seen));
    }
    const assignment = definition.type === 'expression_statement' ? definition.namedChildren[0] : null;
    const right = assignment?.type === 'assignment' ? assignment.childForFieldName('right') : null;
    return (
      right !== null &&
      right !== undefined &&
      /^(subscript|generic_type|binary_operator)$/.test(right.type) &&
      typeOf(right, types)?.carried === 'json'
    );
  };
  return types;
}

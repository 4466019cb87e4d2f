import { dotted, type SyntaxNode } from '../syntax.ts';
import { argument, argumentsOf } from './library.ts';
import type { KnownTypes, Signature } from './signature.ts';
import type { Modules } from './write-app.ts';

interface WebSource {
  modules: Modules;
  types: KnownTypes;
}

/** What FastAPI gives by type or by a marker: the request, headers, dependencies. It does so in a fal app too. */
export function passedByFastapi(node: SyntaxNode, source: WebSource): Map<string, string> {
  const { modules, types } = source;
  const found = new Map<string, string>();
  for (const parameter of node.childForFieldName('parameters')?.namedChildren ?? []) {
    const name = parameter.childForFieldName('name')?.text ?? parameter.namedChildren[0]?.text;
    const annotation = parameter.childForFieldName('type')?.namedChildren[0];
    const value = parameter.childForFieldName('value');
    if (name === undefined) continue;
    const last = annotation?.text.split('.').at(-1) ?? '';
    if (/^(Request|Response|BackgroundTasks|WebSocket)$/.test(last)) {
      found.set(name, `${modules.fastapi}.${last}`);
      continue;
    }
    const marker = value?.type === 'call' ? (dotted(value.childForFieldName('function'))?.split('.').at(-1) ?? '') : '';
    if (!/^(Depends|Security|Header|Cookie)$/.test(marker)) continue;
    const there = [...(annotation ? [annotation] : []), ...argumentsOf(value).positional].every(types.safe);
    if (there) found.set(name, `${annotation?.text ?? 'str'} = ${value!.text}`);
  }
  return found;
}

/** `Query(5)`, `Form(...)`, `File()`: their default is the field's; uploads are files. */
export function webFields(node: SyntaxNode, signature: Signature, source: WebSource, uploads: Set<string>): void {
  for (const parameter of node.childForFieldName('parameters')?.namedChildren ?? []) {
    const name = parameter.childForFieldName('name')?.text ?? parameter.namedChildren[0]?.text;
    const field = signature.fields.find((one) => one.name === name);
    if (!field) continue;
    const annotation = parameter.childForFieldName('type')?.namedChildren[0];
    const value = parameter.childForFieldName('value');
    const marker = value?.type === 'call' ? (dotted(value.childForFieldName('function'))?.split('.').at(-1) ?? '') : '';
    if (/^(Query|Form|Body|File|Path|Param)$/.test(marker)) {
      const given = argument(argumentsOf(value), 'default', 0);
      const required = given === null || given.type === 'ellipsis';
      const safe = given !== null && source.types.safe(given);
      field.default = required ? null : safe ? given.text : 'None';
      field.omit = false;
      if (field.type.startsWith('Optional[') && required) field.type = field.type.slice('Optional['.length, -1);
      if (!required && given.type === 'none' && !/Optional|Any/.test(field.type))
        field.type = `Optional[${field.type}]`;
    }
    if (annotation && /(^|\.)UploadFile$/.test(annotation.text)) {
      field.type = 'fal.toolkit.File';
      field.carried = 'json';
      field.lost = null;
      uploads.add(field.name);
    }
  }
}

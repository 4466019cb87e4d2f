import * as z from 'zod/mini';
import type { Ledger } from '../ledger.ts';
import type { SourceFolder } from '../platform.ts';
import { pythonLiteral } from '../python-text.ts';
import { folderOf, join } from '../siblings.ts';
import type { InputField, InputModel } from '../source-app.ts';
import { definitions, type Literal, type SyntaxNode, walk } from '../syntax.ts';
import { fieldsOfHandler } from './input-fields.ts';
import { fieldsOfSchema } from './input-schema.ts';
import { type LibraryNames, libraryPath, toolFor } from './library-uses.ts';

const SampleSchema = z.object({ input: z.record(z.string(), z.unknown()) });

export interface InputSource {
  folder: SourceFolder;
  entry: string;
  root: SyntaxNode;
  handler: SyntaxNode | null;
  lookup: (name: string) => SyntaxNode | null;
  trees: ReadonlyMap<string, SyntaxNode>;
  names: LibraryNames;
  ledger: Ledger;
  className: string;
}

/** The input model: from a schema that the handler validates with, else from what it reads, else from a sample. */
export function readInput(source: InputSource): { model: InputModel; example: string | null } {
  const { entry, root, handler, lookup, ledger, className } = source;
  const sample = readSample(source);
  const example = sample === null ? null : pythonLiteral(sample);
  const schema = schemaOf(source);
  const anchor = { file: entry, text: `class ${className}Input(` };
  const place = { file: entry, line: handler ? handler.startPosition.row + 1 : 1 };
  if (schema) {
    const { fields, constrained } = schema;
    const reason = `The input model has the fields of the schema: ${fields.map(({ name }) => name).join(', ')}. Other keys are refused, as validate() does.`;
    ledger.note('F201', 'OK', { source: place, text: 'input schema', reason, anchor });
    if (constrained.length > 0) {
      const why = `Constraints of ${constrained.join(', ')} stay with validate(); the model does not show them.`;
      ledger.note('F202', 'CHECK', {
        source: place,
        text: 'constraints',
        reason: why,
        next: 'Add gt, le, … to the fields, for the Playground.',
        anchor,
      });
    }
    return { model: { fields, extra: 'forbid' }, example };
  }
  const functions = definitions(root);
  const fields = handler ? fieldsOfHandler(handler, (name) => functions.get(name) ?? lookup(name)) : [];
  for (const field of fields) refine(field, sample?.[field.name]);
  const known = new Set(fields.map(({ name }) => name));
  for (const [name, value] of Object.entries(sample ?? {})) {
    if (known.has(name)) continue;
    fields.push({
      name,
      type: 'Any',
      required: false,
      default: 'None',
      description: `e.g. ${JSON.stringify(value).slice(0, 60)}`,
      from: 'sample',
      line: 1,
    });
  }
  if (fields.length === 0) {
    const reason = 'No field of the input could be read from the code or a sample: the model takes any.';
    const next = 'Write the fields into the model: they are the form of the Playground and the check of each call.';
    ledger.note('F204', 'CHECK', { source: place, text: 'job["input"]', reason, next, anchor });
  } else {
    const list = fields
      .map(({ name, from, required }) => `${name} (${from}${required ? ', required' : ''})`)
      .join(', ');
    const reason = `The input model is read from the code and the sample: ${list}. Other keys are passed on.`;
    ledger.note('F203', 'CHECK', {
      source: place,
      text: 'job["input"]',
      reason,
      next: 'Make the types as narrow as the handler needs them.',
      anchor,
    });
  }
  return { model: { fields, extra: 'allow' }, example };
}

/** The sample's value is told, and no type made of it: that would narrow what worked before. */
function refine(field: InputField, value: Literal | undefined): void {
  if (field.type !== 'Any' || value === undefined || value === null) return;
  field.description ??= `e.g. ${JSON.stringify(value).slice(0, 60)}`;
}

function schemaOf({ root, trees, names }: InputSource): { fields: InputField[]; constrained: string[] } | null {
  for (const call of walk(root)) {
    if (call.type !== 'call') continue;
    const path = libraryPath(call.childForFieldName('function'), names);
    if (path === null || toolFor(path)?.name !== 'validate') continue;
    const given = call.childForFieldName('arguments')?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
    const value = given[1]?.type === 'keyword_argument' ? given[1].childForFieldName('value') : given[1];
    const dictionary =
      value?.type === 'dictionary' ? value : dictionaryNamed(value?.text ?? '', [root, ...trees.values()]);
    const schema = dictionary ? fieldsOfSchema(dictionary) : null;
    if (schema) return schema;
  }
  return null;
}

function dictionaryNamed(name: string, roots: readonly SyntaxNode[]): SyntaxNode | null {
  const bare = name.split('.').at(-1);
  for (const root of roots) {
    for (const statement of root.namedChildren) {
      const node = statement.type === 'expression_statement' ? statement.namedChildren[0] : null;
      if (node?.type !== 'assignment' || node.childForFieldName('left')?.text !== bare) continue;
      const right = node.childForFieldName('right');
      if (right?.type === 'dictionary') return right;
    }
  }
  return null;
}

/** The input of the worker's `test_input.json`, beside the entry or at the top. */
function readSample({ folder, entry, ledger }: InputSource): Record<string, Literal> | null {
  const path = [join(folderOf(entry), 'test_input.json'), 'test_input.json'].find((name) => folder.files.has(name));
  if (path === undefined) return null;
  const text = Buffer.from(folder.files.get(path)!).toString('utf8');
  let problem = 'it has no "input" object';
  try {
    const parsed = SampleSchema.safeParse(JSON.parse(text));
    if (parsed.success) {
      ledger.item('file', { file: path, line: 1 }, path, 'mapped');
      return parsed.data.input as Record<string, Literal>;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problem = error.message;
  }
  ledger.item('file', { file: path, line: 1 }, path, 'reported');
  ledger.note('F205', 'CHECK', {
    source: { file: path, line: 1 },
    text: path,
    reason: `The sample was not used: ${problem}.`,
    next: 'Mend the file and import again, for an example in the schema.',
  });
  return null;
}

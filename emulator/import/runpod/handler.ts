import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { mark } from '../report.ts';
import type { HandlerShape } from '../source-app.ts';
import { definitions, type SyntaxNode, walk } from '../syntax.ts';
import { constantConcurrency, type StartCall } from './start-call.ts';

export interface Handler {
  /** Python expression of the handler, for the endpoint. */
  handler: string;
  shape: HandlerShape;
  aggregates: boolean;
  stopsRunner: boolean;
  maxMultiplexing: number | null;
  definition: SyntaxNode | null;
  /** Line of the call that started the worker. */
  line: number;
  /** Statements of the module that only started the worker. */
  dropped: number[];
  edits: Edit[];
}

// What the global is called when the handler was known only where the worker was started.
const BOUND = 'job_handler';

/** Reads how the worker is started; a string says why it cannot be. */
export function readHandler(
  calls: readonly StartCall[],
  root: SyntaxNode,
  lookup: (name: string) => SyntaxNode | null,
  source: string,
  file: string,
  ledger: Ledger,
): Handler | string {
  // Of several, the last one is what runs when no option of the command line asks for another.
  const start = calls.at(-1);
  if (!start) return `${file} does not call runpod.serverless.start.`;
  const value = start.options?.find(({ name }) => name === 'handler')?.value;
  if (!start.options || !value) {
    return `The dictionary given to runpod.serverless.start in line ${start.call.startPosition.row + 1} of ${file} names no handler that can be read.`;
  }
  const functions = definitions(root);
  const line = start.call.startPosition.row + 1;
  const definition = definitionOf(value, functions, lookup, root);
  const edits: Edit[] = [];
  const dropped: number[] = [];
  for (const other of calls) {
    const last = other === start;
    const statement = other.call.parent;
    if (!last) {
      const at = { file, line: other.call.startPosition.row + 1 };
      const reason = 'The file starts the worker in several ways: this one was not taken.';
      const next = 'Make an app of its own for it, if it is used.';
      for (const { node } of other.options ?? [])
        ledger.item('option', { file, line: node.startPosition.row + 1 }, node.text, 'reported');
      ledger.note('F107', 'TODO', {
        source: at,
        text: other.call.text,
        reason,
        next,
        anchor: { file, text: `${mark('F107')} another handler was started here: ${handlerText(other)}` },
      });
    }
    const note = last ? '' : `  # ${mark('F107')} another handler was started here: ${handlerText(other)}`;
    const bind = last && start.localHandler ? `globals()[${JSON.stringify(BOUND)}] = ${value.text}` : null;
    if (statement?.type !== 'expression_statement') {
      edits.push({
        start: other.call.startIndex,
        end: other.call.endIndex,
        text: bind === null ? 'None' : `globals().update(${BOUND}=${value.text})`,
      });
      if (!last) edits.push({ start: other.call.endIndex, end: other.call.endIndex, text: note });
    } else if (statement.parent?.type === 'module' && bind === null && last) dropped.push(statement.id);
    else edits.push({ start: statement.startIndex, end: statement.endIndex, text: `${bind ?? 'pass'}${note}` });
  }
  const shape = definition ? shapeOf(definition) : 'unknown';
  if (shape === 'unknown') {
    ledger.note('F108', 'CHECK', {
      source: { file, line },
      text: value.text,
      reason: 'The handler is made where it cannot be read: it is called as a plain function.',
      next: 'If it is async or yields, write the endpoint so.',
      anchor: { file, text: 'def run_job(' },
    });
  }
  if (start.localHandler) {
    const reason =
      'The handler is a name of the function that started the worker: that function puts it into the module.';
    ledger.note('F109', 'CHECK', {
      source: { file, line },
      text: value.text,
      reason,
      next: 'Nothing, unless the function is not called.',
      anchor: { file, text: BOUND },
    });
  }
  const handler: Handler = {
    handler: start.localHandler
      ? BOUND
      : value.type === 'identifier' || value.type === 'attribute'
        ? value.text
        : `(${value.text})`,
    shape,
    aggregates: false,
    stopsRunner: false,
    maxMultiplexing: null,
    definition,
    line,
    dropped,
    edits,
  };
  readOptions(start, handler, functions, file, ledger, source);
  return handler;
}

const handlerText = ({ options }: StartCall): string =>
  options?.find(({ name }) => name === 'handler')?.value.text.split('\n')[0] ?? 'unreadable';

function readOptions(
  start: StartCall,
  handler: Handler,
  functions: ReadonlyMap<string, SyntaxNode>,
  file: string,
  ledger: Ledger,
  source: string,
): void {
  for (const { name, value, node } of start.options ?? []) {
    const place = { file, line: node.startPosition.row + 1 };
    const item = (outcome: 'mapped' | 'reported') => ledger.item('option', place, node.text, outcome);
    if (name === 'handler') item('mapped');
    else if (name === 'return_aggregate_stream') {
      handler.aggregates = value.type !== 'false';
      item('mapped');
    } else if (name === 'refresh_worker') {
      handler.stopsRunner = value.type !== 'false';
      item('reported');
      const reason = 'Each job ended its worker: every answer ends its runner, so that each request is a cold start.';
      ledger.note('F113', 'CHECK', {
        source: place,
        text: node.text,
        reason,
        next: 'Leave it out, unless jobs leave something behind.',
        anchor: { file, text: 'stop = True' },
      });
    } else if (name === 'concurrency_modifier') {
      item('reported');
      handler.maxMultiplexing = constantConcurrency(value, functions);
      const known = handler.maxMultiplexing !== null;
      const threads =
        handler.shape === 'async' || handler.shape === 'async-generator'
          ? ''
          : ' A handler that is not async runs in threads, several at a time.';
      if (known) {
        const reason = `max_multiplexing = ${handler.maxMultiplexing}.${threads}`;
        ledger.note('F114', 'CHECK', {
          source: place,
          text: node.text,
          reason,
          next: 'Check that jobs share nothing that only one may use.',
          anchor: { file, text: 'max_multiplexing =' },
        });
      } else {
        const reason = `The number of jobs at a time is computed; fal takes a constant.${threads}`;
        const next = 'Set max_multiplexing on the class to the number that you want, then remove the mark.';
        ledger.note('F115', 'TODO', {
          source: place,
          text: node.text,
          reason,
          next,
          anchor: { file, text: mark('F115') },
        });
        const defined = functions.get(value.text);
        const home = defined?.parent?.type === 'decorated_definition' ? defined.parent : defined;
        const text = `# ${mark('F115')} set max_multiplexing to the number of jobs at a time.\n`;
        if (home) handler.edits.push({ start: home.startIndex, end: home.startIndex, text });
        else handler.edits.push({ start: endOfText(source), end: endOfText(source), text: `\n\n${text.trimEnd()}` });
      }
    } else {
      item('reported');
      const init = name === 'init';
      const reason = init
        ? 'runpod.serverless.start knows no "init": the function was never called.'
        : `fal has nothing in the place of the option "${name}".`;
      ledger.note('F116', 'CHECK', {
        source: place,
        text: node.text,
        reason,
        next: init ? 'Call it in setup(), if it should run.' : 'Do without it.',
      });
    }
  }
}

const endOfText = (source: string): number => source.trimEnd().length;

/** The function behind a handler's expression, in the file or beside it. */
function definitionOf(
  value: SyntaxNode,
  functions: ReadonlyMap<string, SyntaxNode>,
  lookup: (name: string) => SyntaxNode | null,
  root: SyntaxNode,
): SyntaxNode | null {
  if (value.type === 'lambda') return value;
  if (value.type === 'identifier') {
    const found = functions.get(value.text) ?? lookup(value.text);
    if (found) return found.type === 'function_definition' ? found : null;
    const assigned = [...walk(root)].filter(
      (node) => node.type === 'assignment' && node.childForFieldName('left')?.text === value.text,
    );
    const right = assigned.length === 1 ? assigned[0]!.childForFieldName('right') : null;
    return right?.type === 'identifier' ? definitionOf(right, functions, lookup, root) : null;
  }
  if (value.type !== 'attribute') return null;
  // `service.handle`: the one method of that name in the file.
  const name = value.childForFieldName('attribute')?.text;
  const methods = root
    .descendantsOfType('function_definition')
    .filter((node) => node.childForFieldName('name')?.text === name);
  return methods.length === 1 ? methods[0]! : null;
}

function shapeOf(definition: SyntaxNode): HandlerShape {
  const asynchronous = definition.children.some(({ type }) => type === 'async');
  const yields = definition.type === 'function_definition' && hasOwnYield(definition.childForFieldName('body'));
  if (yields) return asynchronous ? 'async-generator' : 'generator';
  return asynchronous ? 'async' : 'plain';
}

function hasOwnYield(node: SyntaxNode | null): boolean {
  if (!node) return false;
  if (node.type === 'yield') return true;
  return node.namedChildren.some(
    (child) => !/^(function_definition|class_definition|lambda)$/.test(child.type) && hasOwnYield(child),
  );
}

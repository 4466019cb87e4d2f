import type { Ledger } from '../ledger.ts';
import type { SyntaxNode } from '../syntax.ts';
import { isServer } from './endpoints.ts';
import { fold } from './fold.ts';
import { type Arguments, argument, argumentsOf } from './library.ts';
import { roleOf } from './methods.ts';
import type { ModalModule, Unit } from './read-module.ts';
import { type Option, readSettings, type UnitSettings } from './settings.ts';

/** The options of a unit: its own, those of dictionaries that it is given, and those of its app. */
export function optionsOf(
  unit: Unit,
  module: ModalModule,
  appVariable: string,
): { options: Option[]; unread: SyntaxNode[] } {
  const options = new Map<string, Option>();
  const unread: SyntaxNode[] = [];
  const take = (given: Arguments, overwrite: boolean): void => {
    for (const { name, value, node } of given.keywords) {
      if (overwrite || !options.has(name)) options.set(name, { name, value, node });
    }
    for (const splat of given.splats) {
      const inner = splat.namedChildren[0] ?? null;
      const entries = splat.type === 'dictionary_splat' ? entriesOf(inner, module) : null;
      if (!entries) unread.push(splat);
      for (const option of entries ?? []) if (!options.has(option.name)) options.set(option.name, option);
    }
  };
  take(unit.options, true);
  // The image by position was allowed once.
  const [first] = unit.options.positional;
  if (first && module.reader.read(first)?.kind === 'image')
    options.set('image', { name: 'image', value: first, node: first });
  const app = argumentsOf(unit.app.call);
  for (const { name, value, node } of app.keywords) {
    if (!/^(image|secrets|volumes|mounts|network_file_systems)$/.test(name)) continue;
    if (!options.has(name)) options.set(name, { name, value, node });
    else if (name !== 'image') options.set(`app ${name}`, { name, value, node });
  }
  const assigned = module.reader.objects.get(`${appVariable}.image`);
  if (!options.has('image') && assigned?.kind === 'image') {
    const node = assigned.image.steps.at(-1)!.node;
    options.set('image', { name: 'image', value: node, node });
  }
  return { options: [...options.values()], unread };
}

function entriesOf(node: SyntaxNode | null, module: ModalModule): Option[] | null {
  if (!node) return null;
  if (node.type === 'identifier') return entriesOf(module.reader.lookup(node.text), module);
  if (node.type === 'call' && node.childForFieldName('function')?.text === 'dict') {
    const given = argumentsOf(node);
    return given.positional.length === 0 && given.splats.length === 0
      ? given.keywords.map(({ name, value, node: at }) => ({ name, value, node: at }))
      : null;
  }
  if (node.type !== 'dictionary') return null;
  const found: Option[] = [];
  for (const pair of node.namedChildren) {
    if (pair.type === 'comment') continue;
    const name = fold(pair.childForFieldName('key'), module.reader.lookup);
    const value = pair.childForFieldName('value');
    if (pair.type !== 'pair' || typeof name !== 'string' || !value) return null;
    found.push({ name, value, node: pair });
  }
  return found;
}

/** All that is set for a unit, by its decorators and its app. */
export function unitSettings(
  unit: Unit,
  module: ModalModule,
  appVariable: string,
  file: string,
  ledger: Ledger,
  anchor: string,
): UnitSettings {
  const { options, unread } = optionsOf(unit, module, appVariable);
  const line = unit.decorators[0]!.node.startPosition.row + 1;
  const role = roleOf(unit.decorators);
  const settings = readSettings(options, {
    file,
    reader: module.reader,
    ledger,
    anchor,
    line,
    text: unit.decorators[0]!.node.text,
    server: role !== null && isServer(role.role),
  });
  const leave = (node: SyntaxNode, code: string, reason: string, next: string) => {
    const text = node.text.split('\n')[0]!;
    settings.marks.push(`# TODO(fal-import): ${code} ${text}`);
    ledger.note(code, 'TODO', {
      source: { file, line: node.startPosition.row + 1 },
      text,
      reason,
      next,
      anchor: { file, text: `TODO(fal-import): ${code} ${text}` },
    });
    ledger.item('option', { file, line: node.startPosition.row + 1 }, node.text, 'reported');
  };
  for (const splat of unread)
    leave(splat, 'F744', 'These options are made by code that was not run.', 'Set what they set.');
  for (const decorator of unit.decorators) {
    const at = { file, line: decorator.node.startPosition.row + 1 };
    if (decorator.path === 'concurrent') {
      const most = fold(argument(decorator.given, 'max_inputs', null), module.reader.lookup);
      const target = decorator.given.keywords.some(({ name }) => name === 'target_inputs');
      if (typeof most === 'number') settings.attributes.set('max_multiplexing', String(Math.ceil(most)));
      else {
        leave(decorator.node, 'F724', 'The number of inputs at a time cannot be read.', 'Set max_multiplexing.');
        continue;
      }
      for (const { node } of decorator.given.keywords) ledger.item('option', at, node.text, 'reported');
      ledger.note('F725', 'CHECK', {
        source: at,
        text: decorator.node.text,
        reason: `Requests of one runner share its process: functions that are not async run in threads, so they must be safe there.${target ? ' target_inputs has no counterpart.' : ''}`,
        anchor: { file, text: anchor, attribute: 'max_multiplexing' },
      });
    } else if (decorator.path === 'clustered') {
      leave(decorator.node, 'F728', 'fal has no clusters of runners.', 'Use num_gpus for several GPUs of one machine.');
    } else if (decorator.path !== null && !decorator.path.startsWith('app.') && roleOf([decorator]) === null) {
      leave(decorator.node, 'F730', `${decorator.path} is not known here.`, 'See whether fal has a setting for it.');
    }
  }
  return settings;
}

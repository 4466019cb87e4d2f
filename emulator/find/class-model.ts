import type { LineRange } from '../contract/index.ts';
import type { FunctionModel } from './function-model.ts';
import { type Maybe, UNKNOWN, type Value } from './value.ts';

/** A class as far as source tells: enough to redo what `fal.App.__init_subclass__` does. */
export interface ClassModel {
  name: string;
  lines: LineRange;
  /** Method resolution order, this class first; classes from elsewhere are left out. */
  mro: ClassModel[];
  /** `fal.App` (or `fal.wma.App`) is an ancestor, or must be: it has endpoints and a base from another file. */
  isApp: boolean;
  /** It has an ancestor that is not in this file and not of the SDK: settings may come from there. */
  foreignBase: string | null;
  attributes: Map<string, Maybe<Value>>;
  methods: Map<string, FunctionModel | null>;
  /** What the SDK puts together from class keywords and attributes. */
  hostKwargs: Map<string, Maybe<Value>>;
  /** Alias it is deployed under; unknown when set by something that is not a constant. */
  appName: Maybe<string>;
  /** The author named it. */
  named: boolean;
}

/** Keys of `fal.App.host_kwargs`; null where its value is a default that core knows (60 s for an app). Source: fal SDK 1.83 app.py. */
const SDK_HOST_KWARGS: readonly [string, Value][] = [
  ['_scheduler', 'nomad'],
  ['_scheduler_options', { kind: 'dict', entries: new Map([['storage_region', 'us-east']]) }],
  ['resolver', 'uv'],
  ['keep_alive', null],
];

/** Attributes that `__init_subclass__` copies into host_kwargs when they are not None. Source: fal SDK 1.83 app.py. */
const COPIED = [
  'request_timeout',
  'request_start_timeout',
  'startup_timeout',
  'metrics_port',
  'app_files',
  'app_files_ignore',
  'app_files_context_dir',
  'requirements_context_dir',
  'min_concurrency',
  'max_concurrency',
  'concurrency_buffer',
  'concurrency_buffer_perc',
  'scaling_delay',
  'max_multiplexing',
  'kind',
  'image',
  'skip_retry_conditions',
  'retry_config',
  'termination_grace_period_seconds',
  'secrets',
  'data_mounts',
] as const;

/** Attribute as `getattr(cls, name)` finds it in this file; undefined when only the SDK's default would answer. */
export function attribute(model: ClassModel, name: string): Maybe<Value> | undefined {
  for (const cls of model.mro) {
    const value = cls.attributes.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Redoes `App.__init_subclass__` on a class whose body was read. */
export function initSubclass(model: ClassModel, keywords: Map<string, Maybe<Value>>): void {
  const parent = model.mro.slice(1).find((cls) => cls.isApp);
  const inherited = parent ? parent.hostKwargs : new Map<string, Maybe<Value>>(SDK_HOST_KWARGS);
  const own = new Map(keywords);
  const keyword = own.get('name');
  own.delete('name');
  model.hostKwargs = new Map([...inherited, ...own]);
  for (const key of [...inherited.keys(), ...COPIED]) {
    const value = attribute(model, key);
    const emptyList = Array.isArray(value) && value.length === 0 && key.startsWith('app_files');
    if (value !== undefined && value !== null && !emptyList) model.hostKwargs.set(key, value);
  }
  if (isSet(attribute(model, 'image'))) model.hostKwargs.set('kind', 'container');

  // `getattr(cls, "app_name") or <name= or kebab-case>`: an inherited alias wins over this class's own keyword.
  const explicit = attribute(model, 'app_name');
  if (isSet(explicit) && explicit !== '') {
    model.appName = asName(explicit);
    const owner = model.mro.find((cls) => cls.attributes.has('app_name'));
    model.named = owner === model || !owner?.isApp || owner.named;
  } else if (isSet(keyword) && keyword !== '') {
    model.appName = asName(keyword);
    model.named = true;
  } else {
    model.appName = toFalAppName(model.name);
    model.named = false;
  }
  // The SDK stores it on the class, where subclasses inherit it.
  model.attributes.set('app_name', model.appName);
}

/** fal's alias for a class name (`MyGoodApp` → `my-good-app`, `ONNXModel` → `o-n-n-x-model`). Source: `_to_fal_app_name`. */
export function toFalAppName(name: string): string {
  const parts = name.match(/[A-Z][a-z]*/g);
  if (parts) return parts.map((part) => part.toLowerCase()).join('-');
  if (name.includes('_')) {
    return name
      .split('_')
      .filter((part) => part !== '')
      .map((part) => part.toLowerCase())
      .join('-');
  }
  return name.toLowerCase();
}

/** C3 linearisation; falls back to first-seen order where Python would raise. */
export function linearize(model: ClassModel, bases: ClassModel[]): ClassModel[] {
  const order: ClassModel[] = [model];
  let lists = [...bases.map((base) => [...base.mro]), [...bases]].filter((list) => list.length > 0);
  while (lists.length > 0) {
    const next = lists.find((list) => lists.every((other) => other.indexOf(list[0]!) <= 0)) ?? lists[0]!;
    const head = next[0]!;
    order.push(head);
    lists = lists.map((list) => list.filter((cls) => cls !== head)).filter((list) => list.length > 0);
  }
  return order;
}

function isSet(value: Maybe<Value> | undefined): value is Maybe<Exclude<Value, null>> {
  return value !== undefined && value !== null;
}

function asName(value: Maybe<Value>): Maybe<string> {
  return typeof value === 'string' ? value : UNKNOWN;
}

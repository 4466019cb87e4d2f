import type { Ledger } from '../ledger.ts';
import { pythonString } from '../python-text.ts';
import type { Level, Place } from '../report.ts';
import type { Literal, SyntaxNode } from '../syntax.ts';
import { fold } from './fold.ts';
import { argument, argumentsOf } from './library.ts';
import type { ImageChain, ModalObject, ObjectReader } from './objects.ts';

// Long: one table of Modal's settings, each with what it is at fal and why it may not be the same.

export interface Option {
  name: string;
  value: SyntaxNode;
  node: SyntaxNode;
}

export interface VolumeMount {
  mount: string;
  target: string;
  name: string;
  /** A bucket, which fal cannot mount. */
  bucket: boolean;
}

/** What the settings of a unit are at fal. */
export interface UnitSettings {
  /** Attributes of the app: name → Python expression. */
  attributes: Map<string, string>;
  /** Values of the environment: name → Python expression. */
  variables: Map<string, string>;
  image: ImageChain | null;
  volumes: VolumeMount[];
  /** Comment lines with marks, above the app. */
  marks: string[];
  /** Each request ends its runner. */
  stopsRunner: boolean;
  /** Names of secrets, when all of them are known. */
  secrets: string[] | null;
}

interface Context {
  file: string;
  reader: ObjectReader;
  ledger: Ledger;
  settings: UnitSettings;
  /** For anchors: a text of the app in the written file. */
  anchor: string;
  option: Option;
}

/** GPU → machine types, and whether it is the same card. */
const GPUS: Record<string, { types: string[]; same: boolean; memory: number }> = {
  T4: { types: ['GPU-RTX4090'], same: false, memory: 16 },
  L4: { types: ['GPU-RTX4090'], same: false, memory: 24 },
  A10: { types: ['GPU-RTX4090'], same: false, memory: 24 },
  A10G: { types: ['GPU-RTX4090'], same: false, memory: 24 },
  L40S: { types: ['GPU-L40'], same: false, memory: 48 },
  L40: { types: ['GPU-L40'], same: true, memory: 48 },
  A100: { types: ['GPU-A100'], same: true, memory: 40 },
  'A100-40GB': { types: ['GPU-A100'], same: true, memory: 40 },
  'A100-20GB': { types: ['GPU-RTX4090'], same: false, memory: 20 },
  'A100-80GB': { types: ['GPU-H100'], same: false, memory: 80 },
  H100: { types: ['GPU-H100'], same: true, memory: 80 },
  H200: { types: ['GPU-H200'], same: true, memory: 141 },
  B200: { types: ['GPU-B200'], same: true, memory: 180 },
  'B200+': { types: ['GPU-B200'], same: true, memory: 180 },
  'RTX-PRO-6000': { types: ['GPU-H200'], same: false, memory: 96 },
  ANY: { types: ['GPU-RTX4090', 'GPU-L40', 'GPU-A100', 'GPU-H100'], same: false, memory: 0 },
};

const CPU_MACHINES = [
  { name: 'XS', cpu: 0.5, memory: 512 },
  { name: 'S', cpu: 1, memory: 1024 },
  { name: 'M', cpu: 2, memory: 2048 },
  { name: 'L', cpu: 4, memory: 15_360 },
  { name: 'XL', cpu: 8, memory: 30_720 },
];

/** Gives each option to what knows it. One that nobody knows is left to the user. */
export function readSettings(
  options: readonly Option[],
  common: {
    file: string;
    reader: ObjectReader;
    ledger: Ledger;
    anchor: string;
    line: number;
    text: string;
    server: boolean;
  },
): UnitSettings {
  const settings: UnitSettings = {
    attributes: new Map(),
    variables: new Map(),
    image: null,
    volumes: [],
    marks: [],
    stopsRunner: false,
    secrets: null,
  };
  const { file, reader, ledger, anchor } = common;
  const done: Option[] = [];
  for (const option of options) {
    const context: Context = { file, reader, ledger, settings, anchor, option };
    const outcome = applyOption(context);
    if (!done.some((other) => other.node.id === option.node.id)) {
      ledger.item('option', { file, line: lineOf(option) }, `${option.name}=${option.value.text}`, outcome);
    }
    done.push(option);
  }
  const given = new Set(options.map(({ name }) => name));
  hardware(options, settings, common);
  const place = { file, line: common.line };
  if (!given.has('timeout')) {
    settings.attributes.set('request_timeout', '300');
    ledger.note('F721', 'CHECK', {
      source: place,
      text: common.text,
      reason: 'No timeout is set: Modal ends a call after 300 s, so request_timeout is 300. fal would allow 3600.',
      next: 'Raise request_timeout if calls are known to take longer.',
      anchor: { file, text: anchor, attribute: 'request_timeout' },
    });
  }
  if (!settings.attributes.has('max_concurrency')) {
    ledger.note('F722', 'CHECK', {
      source: place,
      text: common.text,
      reason: 'No limit of containers is set: Modal starts as many as there are calls, fal two at most.',
      next: 'Set max_concurrency. An app that is deployed again keeps its scale unless --reset-scale is given.',
      anchor: { file, text: anchor },
    });
  }
  if (!settings.attributes.has('keep_alive')) {
    ledger.note('F723', 'CHECK', {
      source: place,
      text: common.text,
      reason: "No idle time is set: it stays at fal's, 60 s.",
      next: 'Set keep_alive, in seconds.',
      anchor: { file, text: anchor },
    });
  }
  return settings;
}

const lineOf = ({ node }: Option): number => node.startPosition.row + 1;

function note(context: Context, code: string, level: Level, reason: string, next?: string): 'reported' {
  const { ledger, file, option, anchor } = context;
  const attribute = option.name === 'retries' ? 'retry_config' : NUMBERS[option.name]?.attribute;
  ledger.note(code, level, {
    source: { file, line: lineOf(option) },
    text: `${option.name}=${option.value.text}`,
    reason,
    ...(next === undefined ? {} : { next }),
    anchor: { file, text: anchor, ...(attribute === undefined ? {} : { attribute }) },
  });
  return 'reported';
}

/** Leaves a mark above the app, with what stood in the source. */
function leave(context: Context, code: string, reason: string, next: string): 'reported' {
  const { ledger, file, option, settings } = context;
  const text = `${option.name}=${option.value.text}`.split('\n')[0]!;
  settings.marks.push(`# TODO(fal-import): ${code} ${text}`);
  const source: Place = { file, line: lineOf(option) };
  ledger.note(code, 'TODO', {
    source,
    text,
    reason,
    next,
    anchor: { file, text: `TODO(fal-import): ${code} ${text}` },
  });
  return 'reported';
}

function seconds(context: Context): number | null {
  const value = fold(context.option.value, context.reader.lookup);
  return typeof value === 'number' ? Math.ceil(value) : null;
}

const NUMBERS: Record<string, { attribute: string; exact: boolean; reason: string }> = {
  scaledown_window: { attribute: 'keep_alive', exact: true, reason: '' },
  container_idle_timeout: { attribute: 'keep_alive', exact: true, reason: '' },
  max_containers: { attribute: 'max_concurrency', exact: true, reason: '' },
  concurrency_limit: { attribute: 'max_concurrency', exact: true, reason: '' },
  buffer_containers: { attribute: 'concurrency_buffer', exact: true, reason: '' },
  startup_timeout: { attribute: 'startup_timeout', exact: true, reason: '' },
  min_containers: {
    attribute: 'min_concurrency',
    exact: false,
    reason: 'Runners that are always on are billed all the time, as they were.',
  },
  keep_warm: {
    attribute: 'min_concurrency',
    exact: false,
    reason: 'Runners that are always on are billed all the time, as they were.',
  },
  allow_concurrent_inputs: {
    attribute: 'max_multiplexing',
    exact: false,
    reason:
      'Requests of one runner share its process: functions that are not async run in threads, so they must be safe there.',
  },
};

// What says nothing about how the app runs at fal.
const NOTHING: Record<string, string> = {
  name: "The app's name is made of the names in the source.",
  serialized: 'fal always sends the code by pickle.',
  is_generator: 'It is seen in the code.',
  i6pn: 'fal has no private network between runners.',
  cloud: 'fal chooses the cloud.',
  cloud_provider: 'fal chooses the cloud.',
  nonpreemptible: 'fal has no preemptible runners.',
  ephemeral_disk: 'fal has no setting for disk space.',
  enable_memory_snapshot:
    'fal has no memory snapshots: everything is loaded in setup(), so a cold start takes longer. min_concurrency or weights under /data help.',
  checkpointing_enabled:
    'fal has no memory snapshots: everything is loaded in setup(), so a cold start takes longer. min_concurrency or weights under /data help.',
  experimental_options: "Options of Modal's own machinery have no counterpart.",
  enable_gpu_snapshot: 'fal has no memory snapshots.',
  block_network: 'fal has no setting that takes the network away.',
  restrict_modal_access: 'There is no Modal to be kept from.',
  max_inputs: "fal has no limit of requests in a runner's life.",
  interactive: 'fal has no interactive runners.',
  include_source: 'Only what the app imports is taken along.',
  auto_mount: 'Only what the app imports is taken along.',
  proxy: 'fal has no static outgoing address.',
  routing_region: 'fal routes requests itself.',
  unauthenticated: 'See app_auth.',
  scheduler_placement: 'fal has no placement settings beyond regions.',
  env: 'Set in setup().',
  tag: 'Tags have no counterpart.',
};

function applyOption(context: Context): 'mapped' | 'reported' {
  const { option, settings, reader } = context;
  const { name, value } = option;
  const number = NUMBERS[name];
  if (number) {
    const given = seconds(context);
    if (fold(value, reader.lookup) === null) return 'mapped';
    if (given === null) {
      return leave(context, 'F724', `The value of ${name} cannot be read.`, `Set ${number.attribute}.`);
    }
    if (name === 'min_containers' || name === 'keep_warm' || name === 'buffer_containers') {
      if (given === 0) return 'mapped';
    }
    // keep_warm=True was one container.
    settings.attributes.set(number.attribute, String(given));
    return number.exact
      ? 'mapped'
      : note(context, name === 'allow_concurrent_inputs' ? 'F725' : 'F726', 'CHECK', number.reason);
  }
  switch (name) {
    case 'gpu':
    case 'cpu':
    case 'memory':
      // Together, in `hardware`.
      return 'mapped';
    case 'image': {
      const image = reader.read(value);
      if (image?.kind === 'image') settings.image = image.image;
      else if (value.type !== 'none') settings.image = { name: null, steps: [], unknown: value.text };
      return settings.image?.unknown == null ? 'mapped' : 'reported';
    }
    case 'timeout': {
      const given = seconds(context);
      if (given === null) return leave(context, 'F724', 'The value of timeout cannot be read.', 'Set request_timeout.');
      settings.attributes.set('request_timeout', String(given));
      // Modal's timeout covers the start too, unless it has one of its own.
      if (!settings.attributes.has('startup_timeout')) settings.attributes.set('startup_timeout', String(given));
      return 'mapped';
    }
    case 'retries':
      return retries(context);
    case 'region':
      return region(context);
    case 'schedule':
      return schedule(context);
    case 'single_use_containers':
      if (value.type === 'true') settings.stopsRunner = true;
      return 'mapped';
    case 'volumes':
    case 'network_file_systems':
    case 'shared_volumes':
    case 'cloud_bucket_mounts':
      return volumes(context);
    case 'secrets':
    case 'secret':
      return secrets(context);
    case 'mounts':
    case 'mount':
      return leave(
        context,
        'F727',
        'Local files were mounted into the container.',
        'Add them to app_files, or COPY them in the Dockerfile.',
      );
    case 'requires_proxy_auth':
      settings.attributes.set('app_auth', '"private"');
      return 'mapped';
    case 'env': {
      const given = fold(value, reader.lookup);
      if (given === null || typeof given !== 'object' || Array.isArray(given))
        return leave(context, 'F724', 'The value of env cannot be read.', 'Set the variables in setup().');
      for (const [key, text] of Object.entries(given)) settings.variables.set(key, pythonString(String(text)));
      return 'mapped';
    }
    case 'cluster_size':
      return leave(context, 'F728', 'fal has no clusters of runners.', 'Use num_gpus for several GPUs of one machine.');
  }
  const nothing = NOTHING[name];
  if (nothing !== undefined) {
    const harmless = /^(name|serialized|is_generator|include_source|auto_mount|interactive)$/.test(name);
    const off = /^(false|none)$/.test(value.type);
    return note(context, 'F729', harmless || off ? 'OK' : 'CHECK', nothing);
  }
  return leave(context, 'F730', `${name} is not known here.`, 'See whether fal has a setting for it.');
}

function retries(context: Context): 'mapped' | 'reported' {
  const { option, settings, reader } = context;
  const call = option.value.type === 'call' ? argumentsOf(option.value) : null;
  const count = call ? fold(argument(call, 'max_retries', null), reader.lookup) : fold(option.value, reader.lookup);
  if (typeof count !== 'number')
    return leave(context, 'F724', 'The value of retries cannot be read.', 'Set retry_config.');
  if (count > 0) settings.attributes.set('retry_config', `{"server_error": {"retries": ${Math.min(count, 10)}}}`);
  return note(
    context,
    'F731',
    'CHECK',
    `Modal repeats a call that raised${count > 0 ? `, ${count} times` : ''}; fal repeats what the server fails at, and no exception of the app, which is a 500.${call && call.keywords.length > 1 ? ' Delays between tries have no counterpart.' : ''}`,
    'Catch in the code what is worth another try.',
  );
}

function region(context: Context): 'mapped' | 'reported' {
  const given = fold(context.option.value, context.reader.lookup);
  if (given === null) return 'mapped';
  const wanted = (Array.isArray(given) ? given : [given]).map(String);
  const known: Record<string, string[]> = {
    us: ['us-east', 'us-central', 'us-west'],
    eu: ['eu-north', 'eu-west'],
    'us-east': ['us-east'],
    'us-west': ['us-west'],
    'us-central': ['us-central'],
    'eu-west': ['eu-west'],
    'eu-north': ['eu-north'],
  };
  const found = wanted.flatMap((name) => known[name] ?? []);
  if (found.length === 0 || given === undefined)
    return leave(
      context,
      'F732',
      `fal has no region ${wanted.join(', ')}.`,
      'One of us-east, us-west, us-central, eu-north, eu-west.',
    );
  context.settings.attributes.set('regions', `[${[...new Set(found)].map(pythonString).join(', ')}]`);
  return note(context, 'F733', 'CHECK', `${wanted.join(', ')} → ${found.join(', ')}.`);
}

function schedule(context: Context): 'reported' {
  const { option, reader } = context;
  const given = argumentsOf(option.value);
  const cron = fold(argument(given, 'cron_string', 0), reader.lookup);
  const parts = given.keywords.map(({ name, value }) => [name, fold(value, reader.lookup)] as const);
  const expression = typeof cron === 'string' ? cron : cronOf(Object.fromEntries(parts));
  return leave(
    context,
    'F734',
    `fal runs nothing by the clock: ${option.value.text.replace(/\s+/g, ' ')} is not set.`,
    `Call it from outside, e.g. in a crontab: ${expression} python -c 'import fal_client; fal_client.submit("<you>/<app>", arguments={})'`,
  );
}

function cronOf(period: Record<string, Literal | undefined>): string {
  const every = (name: string) => (typeof period[name] === 'number' ? (period[name] as number) : 0);
  if (every('minutes') > 0) return `*/${every('minutes')} * * * *`;
  if (every('hours') > 0) return `0 */${every('hours')} * * *`;
  if (every('weeks') > 0) return '0 0 * * 0';
  if (every('months') > 0) return '0 0 1 * *';
  if (every('days') > 0) return `0 0 */${every('days')} * *`;
  return '* * * * *';
}

function volumes(context: Context): 'mapped' | 'reported' {
  const { option, settings, reader } = context;
  let value: SyntaxNode | null = option.value;
  if (value.type === 'identifier') value = reader.lookup(value.text) ?? value;
  if (value.type !== 'dictionary') {
    return leave(
      context,
      'F735',
      'The volumes cannot be read.',
      'Use folders under /data in the place of the mounted ones.',
    );
  }
  let outcome: 'mapped' | 'reported' = 'mapped';
  for (const pair of value.namedChildren) {
    if (pair.type === 'comment') continue;
    const mount = pair.type === 'pair' ? fold(pair.childForFieldName('key'), reader.lookup) : undefined;
    const object = pair.type === 'pair' ? reader.read(pair.childForFieldName('value')) : null;
    if (typeof mount !== 'string' || !(object?.kind === 'volume' || object?.kind === 'bucket')) {
      outcome = leave(
        context,
        'F735',
        `${pair.text.split('\n')[0]} cannot be read.`,
        'Use folders under /data in its place.',
      );
      continue;
    }
    if (object.kind === 'bucket') {
      const bucket = fold(argument(argumentsOf(object.node), 'bucket_name', 0), reader.lookup);
      settings.volumes.push({ mount, target: mount, name: String(bucket ?? 'bucket'), bucket: true });
      outcome = leave(
        context,
        'F736',
        `fal cannot mount the bucket ${String(bucket ?? '')} at ${mount}.`,
        'Read and write it with boto3, or copy what is needed under /data.',
      );
      continue;
    }
    const name = object.name === '' ? mount.replace(/^\/+/, '').replaceAll('/', '-') : object.name;
    settings.volumes.push({ mount: mount.replace(/\/+$/, ''), target: `/data/${name}`, name, bucket: false });
    outcome = note(
      context,
      'F737',
      'CHECK',
      `The volume ${name} at ${mount} is /data/${name}: all apps share /data, and others see a change a little later.`,
      'Write to a temporary name and rename, where others read.',
    );
  }
  return outcome;
}

function secrets(context: Context): 'mapped' | 'reported' {
  const { option, reader } = context;
  const named = option.value.type === 'identifier' ? reader.lookup(option.value.text) : null;
  const value = named && /^(list|tuple)$/.test(named.type) ? named : option.value;
  const items = /^(list|tuple)$/.test(value.type)
    ? value.namedChildren.filter(({ type }) => type !== 'comment')
    : [value];
  let outcome: 'mapped' | 'reported' = 'mapped';
  for (const item of items) {
    const object = reader.read(item);
    if (object?.kind !== 'secret') {
      if (item.type === 'none') continue;
      outcome = leave(
        context,
        'F738',
        `${item.text.split('\n')[0]} cannot be read.`,
        'Set what it holds with fal secrets set.',
      );
      continue;
    }
    outcome = secret(context, object);
  }
  return outcome;
}

// Which variables the secrets of Modal's own templates hold. Source: Modal's guide to secrets.
const TEMPLATES: [RegExp, string[]][] = [
  [/hugging-?face/i, ['HF_TOKEN']],
  [/openai/i, ['OPENAI_API_KEY']],
  [/anthropic/i, ['ANTHROPIC_API_KEY']],
  [/wandb|weights/i, ['WANDB_API_KEY']],
  [/github/i, ['GITHUB_TOKEN']],
  [/aws|s3/i, ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']],
];

function secret(context: Context, object: Extract<ModalObject, { kind: 'secret' }>): 'mapped' | 'reported' {
  const { ledger, file, option, reader, settings } = context;
  const source = { file, line: object.node.startPosition.row + 1 };
  const need = (name: string, reason: string) =>
    ledger.note('F601', 'CHECK', { source, text: name, reason, next: `fal secrets set ${name}=…` });
  const first = fold(object.given.positional[0] ?? object.given.keywords[0]?.value ?? null, reader.lookup);
  if (object.how === 'dict') {
    const value =
      object.given.positional[0] ?? argument(object.given, 'env_dict', 0) ?? object.given.keywords[0]?.value ?? null;
    const dictionary = value?.type === 'identifier' ? (reader.lookup(value.text) ?? value) : value;
    let needed = false;
    for (const pair of dictionary?.type === 'dictionary' ? dictionary.namedChildren : []) {
      const key = fold(pair.childForFieldName('key'), reader.lookup);
      const given = pair.childForFieldName('value');
      if (typeof key !== 'string' || !given) continue;
      const plain = fold(given, reader.lookup);
      const environment = /environ|getenv/.test(given.text);
      if (/(TOKEN|KEY|SECRET|PASSWORD)S?(_|$)/i.test(key) || environment || typeof plain !== 'string') {
        needed = true;
        need(
          key,
          `${key} is a secret of the app${environment ? ', taken from your environment' : ''}; its value is not written down.`,
        );
      } else settings.variables.set(key, pythonString(plain));
    }
    return needed ? 'reported' : 'mapped';
  }
  const required = fold(argument(object.given, 'required_keys', null), reader.lookup);
  if (object.how === 'local' && Array.isArray(first)) {
    for (const name of first) need(String(name), `${String(name)} was taken from your environment.`);
    return 'reported';
  }
  if (object.how === 'name' && typeof first === 'string') {
    const known = Array.isArray(required) ? required.map(String) : TEMPLATES.find(([sign]) => sign.test(first))?.[1];
    if (known) {
      const how = Array.isArray(required) ? 'its required_keys say so' : 'its name says so';
      for (const name of known) need(name, `The secret ${first} holds ${name}: ${how}.`);
    }
    ledger.note('F739', 'CHECK', {
      source,
      text: object.node.text,
      reason: known
        ? `Modal's secret ${first} is a group of variables; fal has each by itself.`
        : `Which variables Modal's secret ${first} holds stands in no file; those that the code reads are listed.`,
      next: "Open the secret in Modal's dashboard and set each of its variables with fal secrets set.",
    });
    return 'reported';
  }
  ledger.note('F739', 'CHECK', {
    source,
    text: option.value.text,
    reason:
      object.how === 'dotenv'
        ? 'The variables of your .env file were secrets of the app.'
        : 'Which variables this secret holds cannot be read.',
    next: 'Set each of them with fal secrets set.',
  });
  return 'reported';
}

function hardware(
  options: readonly Option[],
  settings: UnitSettings,
  common: {
    file: string;
    reader: ObjectReader;
    ledger: Ledger;
    anchor: string;
    line: number;
    text: string;
    server: boolean;
  },
): void {
  const { reader, ledger, file, anchor } = common;
  const find = (name: string) => options.find((option) => option.name === name);
  const gpu = find('gpu');
  const first = (value: Literal | undefined): number | null => {
    const item = Array.isArray(value) ? value[0] : value;
    return typeof item === 'number' ? item : null;
  };
  const cpu = first(fold(find('cpu')?.value ?? null, reader.lookup));
  const memory = first(fold(find('memory')?.value ?? null, reader.lookup));
  if (gpu) {
    const context: Context = { ...common, settings, option: gpu };
    const cards = cardsOf(gpu.value, reader);
    if (cards === null) {
      settings.attributes.set('machine_type', '"GPU-H100"');
      leave(context, 'F740', 'Which GPU it is cannot be read; GPU-H100 is a guess.', 'Set machine_type and num_gpus.');
      return;
    }
    if (cards.length > 0) {
      const unknown = cards.filter(({ card }) => !GPUS[card]);
      const types = [...new Set(cards.flatMap(({ card }) => GPUS[card]?.types ?? ['GPU-H100']))];
      settings.attributes.set(
        'machine_type',
        types.length === 1 ? pythonString(types[0]!) : `[${types.map(pythonString).join(', ')}]`,
      );
      const counts = [...new Set(cards.map(({ count }) => count))];
      if (counts[0]! > 1) settings.attributes.set('num_gpus', String(counts[0]));
      if (counts.length > 1)
        leave(context, 'F741', 'The cards of the list come in different numbers.', 'Set num_gpus.');
      if (unknown.length > 0) {
        leave(
          context,
          'F740',
          `No machine type is known for ${unknown.map(({ card }) => card).join(', ')}.`,
          'Choose one by its memory.',
        );
      } else if (!cards.every(({ card }) => GPUS[card]!.same)) {
        const names = cards.map(({ card }) => card).join(', ');
        ledger.note('F501', 'CHECK', {
          source: { file, line: lineOf(gpu) },
          text: `gpu=${gpu.value.text}`,
          reason: `${names} → ${types.join(', ')}: as much memory or more, another card. GPU-A100 has 40 GB at fal and is no 80 GB card.`,
          next: 'Packages that are built for one architecture (flash-attn, TensorRT engines) must be built for this one.',
          anchor: { file, text: anchor, attribute: 'machine_type' },
        });
      }
      const beside = [find('cpu'), find('memory')].filter((option) => option !== undefined);
      for (const option of beside) {
        note(
          { ...context, option },
          'F742',
          'CHECK',
          `A GPU machine has the CPUs and the memory that it has: ${option.name} cannot be set.`,
          'Compare with the machine type.',
        );
      }
      return;
    }
  }
  const machine =
    CPU_MACHINES.find((at) => at.cpu >= (cpu ?? 0.125) && at.memory >= (memory ?? 0)) ?? CPU_MACHINES.at(-1)!;
  const chosen = cpu === null && memory === null ? 'S' : machine.name;
  settings.attributes.set('machine_type', pythonString(chosen));
  const given = find('cpu') ?? find('memory');
  ledger.note('F743', 'CHECK', {
    source: { file, line: given ? lineOf(given) : common.line },
    text: given ? `${given.name}=${given.value.text}` : common.text,
    reason: given
      ? `machine_type ${chosen} is the smallest with as much CPU and memory${(cpu ?? 0) > 8 || (memory ?? 0) > 30_720 ? ', as far as there is one' : ''}.`
      : 'No CPU or memory is asked for; machine_type S has one CPU and 1 GB.',
    next: 'M has 2 GB, L 15 GB, XL 30 GB.',
    anchor: { file, text: anchor, attribute: 'machine_type' },
  });
}

/** Cards and counts of a `gpu=`; empty for none, null when it cannot be read. */
function cardsOf(node: SyntaxNode, reader: ObjectReader): { card: string; count: number }[] | null {
  const object = reader.read(node);
  if (object?.kind === 'gpu') return [{ card: object.card.toUpperCase(), count: object.count }];
  if (node.type === 'identifier' && !object) {
    const bound = reader.lookup(node.text);
    if (bound) return cardsOf(bound, reader);
  }
  if (node.type === 'list' || node.type === 'tuple') {
    const parts = node.namedChildren.filter(({ type }) => type !== 'comment').map((item) => cardsOf(item, reader));
    return parts.includes(null) ? null : parts.flatMap((part) => part!);
  }
  const value = fold(node, reader.lookup);
  if (value === null || value === false) return [];
  if (value === true) return [{ card: 'ANY', count: 1 }];
  if (typeof value !== 'string') return null;
  const [card, count] = value.split(':');
  return [{ card: card!.trim().toUpperCase().replace(/!$/, ''), count: Number(count ?? 1) || 1 }];
}

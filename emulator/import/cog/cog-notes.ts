import type { Ledger } from '../ledger.ts';
import type { CogConfig } from './cog-config.ts';
import type { Predictor } from './predictor.ts';
import { givesFiles, type PredictorApp, takesFiles } from './predictor-code.ts';
import type { PredictorInput } from './predictor-inputs.ts';

/** What became of a predictor: its endpoint, inputs, results, files, stream, errors and scale. */
export function targetNotes(
  app: PredictorApp,
  target: { predictor: Predictor; role: 'predict' | 'train' },
  { inputs, refused }: { inputs: readonly PredictorInput[]; refused: readonly string[] },
  entry: string,
  /** Why the class of the predictor did not become the app; null when it did. */
  apart: string | null,
  ledger: Ledger,
): void {
  const { predictor, role } = target;
  const line = predictor.method.startPosition.row + 1;
  const source = { file: entry, line };
  const text = `def ${predictor.methodName}`;
  const anchor = { file: entry, text: `def ${app.endpointNames.run}(` };
  const call = `fal_client.subscribe("<you>/${app.appName}", arguments={…})`;
  ledger.note('F920', 'OK', {
    source,
    text,
    reason: 'The endpoint is "/" (POST), and calls it with the inputs by name.',
    next: `${call} in the place of replicate.run(…, input={…}) and of /predictions: without {"input": …} around it.`,
    anchor,
  });
  if (apart !== null && predictor.kind === 'class') {
    ledger.note('F923', 'CHECK', {
      source: { file: entry, line: predictor.node.startPosition.row + 1 },
      text: `class ${predictor.name}`,
      reason: `The class did not become the app itself, but is called by one: ${apart}.`,
      next: 'Nothing; or make it a fal.App by hand, for one class less.',
      anchor: { file: entry, text: `class ${app.className}(` },
    });
  }
  for (const input of inputs) inputNotes(input, entry, app, ledger);
  for (const parameter of refused) {
    ledger.note('F922', 'CHECK', {
      source,
      text: parameter,
      reason: `${parameter} takes what no schema names: it gets nothing.`,
      next: 'Name each input as a parameter and import again.',
      anchor,
    });
  }
  const fields = inputs.map(({ name, required }) => (required ? `${name} (required)` : name)).join(', ');
  ledger.note('F921', 'OK', {
    source,
    text,
    reason: `The input model has the inputs in their order: ${fields === '' ? 'none' : fields}.`,
    anchor: { file: entry, text: `class ${app.className}Input(` },
  });
  const shown = app.model ?? (app.fields ? 'the fields of the class that is returned' : '{"output": …}');
  ledger.note('F925', app.model !== null || app.fields ? 'OK' : 'CHECK', {
    source,
    text,
    reason: `The answer is ${app.model !== null ? `the model ${shown}` : shown}; a status, logs and metrics do not stand in it.`,
    next: 'Read the result from there; its status and logs are those of the request.',
    anchor: app.model === null ? { file: entry, text: `class ${app.className}Output(` } : anchor,
  });
  if (takesFiles(app)) {
    ledger.note('F926', 'CHECK', {
      source,
      text,
      reason: 'Files come in as URLs or data URIs and are saved in a folder that ends with the request.',
      next: 'Copy what must stay out of it, e.g. to /data.',
      anchor: { file: entry, text: 'def received(' },
    });
  }
  if (givesFiles(app)) {
    ledger.note('F927', 'CHECK', {
      source,
      text,
      reason: "Files of the result are uploaded to fal's CDN: their URLs are public.",
      next: 'Narrow the type of the result to Image, Audio or Video, if that is what it is.',
      anchor: { file: entry, text: 'def published(' },
    });
  }
  if (app.output.stream !== null) {
    ledger.note('F928', 'OK', {
      source,
      text,
      reason: `Each yield is an event of /stream; "/" answers with ${app.output.stream === 'joined' ? 'the joined text' : 'the list of all'}.`,
      next: `fal_client.stream("<you>/${app.appName}", arguments={…}), where each event is {"output": …}.`,
      anchor: { file: entry, text: `def ${app.endpointNames.stream}(` },
    });
  }
  if (/^def setup\(\s*\w+\s*,/.test(predictor.setup?.text.replace(/^async\s+/, '') ?? '')) {
    ledger.note('F929', 'CHECK', {
      source: { file: entry, line: predictor.setup!.startPosition.row + 1 },
      text: 'weights',
      reason:
        "Cog gives the weights to setup: here they are COG_WEIGHTS, or the folder 'weights', or None, and nothing is downloaded.",
      next: 'Set COG_WEIGHTS, or load the weights from /data.',
      anchor: { file: entry, text: 'COG_WEIGHTS' },
    });
  }
  ledger.note('F934', 'CHECK', {
    source,
    text,
    reason:
      'An exception is an HTTP 500 and is not run again; Cog answered 200 with status "failed". Inputs that do not fit are a 422. fal has 2 runners at most, keeps one for 60 s, and allows a request an hour, unless you say otherwise.',
    next: 'Set max_concurrency, min_concurrency (billed), keep_alive and request_timeout. An app that is deployed again keeps its scale unless --reset-scale is given.',
    anchor: { file: entry, text: `app_name = ${JSON.stringify(app.appName)}` },
  });
  if (role === 'train') {
    ledger.note('F905', 'CHECK', {
      source,
      text,
      reason: `The training is an app of its own: ${app.className}.`,
      next: `Deploy it as well: fal deploy ${entry}::${app.className}. Weights that it writes are at their URL; put them where setup looks.`,
      anchor: { file: entry, text: `class ${app.className}(` },
    });
  }
}

function inputNotes(input: PredictorInput, entry: string, app: PredictorApp, ledger: Ledger): void {
  const { name, node, lateChoices, lateDefault, unknown } = input;
  const source = { file: entry, line: node.startPosition.row + 1 };
  const anchor = { file: entry, text: `class ${app.className}Input(` };
  const left = lateChoices !== null || lateDefault !== null || unknown.length > 0;
  ledger.item('option', source, node.text, left ? 'reported' : 'mapped');
  if (lateChoices !== null) {
    ledger.note('F935', 'CHECK', {
      source,
      text: lateChoices,
      reason: `The choices of ${name} are known only in the runner: they are checked there (422), and stand in no schema.`,
      next: 'Write them out as a Literal, for the Playground.',
      anchor: { file: entry, text: `must be one of {list(${lateChoices.split('\n')[0]}` },
    });
  }
  if (lateDefault !== null) {
    ledger.note('F936', 'CHECK', {
      source,
      text: lateDefault,
      reason: `The default of ${name} is known only in the runner: null stands for it in the schema.`,
      next: 'Write a constant, if it is one.',
      anchor,
    });
  }
  for (const part of unknown) {
    ledger.note('F937', 'CHECK', {
      source,
      text: part,
      reason: `${part.split('\n')[0]} of ${name} was not carried over.`,
      next: 'Check it in the body, or in the model.',
      anchor,
    });
  }
}

/** Every key of `cog.yaml`, and what became of it. */
export function settingNotes(config: CogConfig, path: string, entry: string, ledger: Ledger): void {
  for (const { key, text, line } of config.settings) {
    const source = { file: path, line };
    const note = SETTINGS[key];
    const known = note ?? (MAPPED.has(key) ? null : UNKNOWN);
    ledger.item('setting', source, text, known === null ? 'mapped' : 'reported');
    if (known === null) continue;
    const [code, level, reason, next] = known;
    ledger.note(code, level, {
      source,
      text,
      reason: reason.replace('{key}', key),
      next,
      ...(code === 'F910' || code === 'F506' ? { anchor: { file: entry, text: 'machine_type =' } } : {}),
    });
  }
  if (config.gpu === null) {
    ledger.note('F506', 'CHECK', {
      source: { file: path, line: 1 },
      text: 'machine',
      reason: 'Nothing asks for a GPU: the small CPU machine M was taken.',
      next: 'Set machine_type to what the model needs.',
      anchor: { file: entry, text: 'machine_type =' },
    });
  }
}

const MAPPED = new Set([
  'build.python_packages',
  'build.python_requirements',
  'build.system_packages',
  'build.run',
  'build.pre_install',
  'build.cuda',
  'build.environment',
  'environment',
  'predict',
  'run',
  'train',
  'concurrency',
]);

type Setting = [code: string, level: 'OK' | 'CHECK', reason: string, next: string];

const UNKNOWN: Setting = ['F917', 'CHECK', 'fal has nothing in the place of "{key}".', 'Do without it.'];

const SETTINGS: Record<string, Setting> = {
  'build.gpu': [
    'F910',
    'CHECK',
    'cog.yaml names no card: with gpu, GPU-A100 (40 GB) was put in its place; without, the small CPU machine M.',
    'Set machine_type to a card with as much memory as the one that the model ran on.',
  ],
  'build.python_version': [
    'F918',
    'CHECK',
    'The app runs in the Python that it is deployed with, whose minor version must be that of the environment.',
    'Deploy with this minor version.',
  ],
  'build.cudnn': ['F919', 'OK', 'cuDNN comes with the image or with the packages.', ''],
  'build.fast': ['F919', 'OK', "A setting of Cog's own build; fal has no such choice.", ''],
  'build.sdk_version': ['F919', 'OK', 'The cog package is not needed any more.', ''],
  'build.cog_runtime': ['F919', 'OK', 'The cog package is not needed any more.', ''],
  image: ['F919', 'OK', 'The name of the image at Replicate; fal names an app by its owner and app_name.', ''],
  model: ['F919', 'OK', 'The name of the model at Replicate; fal names an app by its owner and app_name.', ''],
};

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIXTURES } from '../../emulator/import/testing/fixtures.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';

const TITLES = `import modal

CACHE = "/titles"
image = modal.Image.debian_slim().pip_install("titlecase==2.4.1").env({"ENDING": "!"})
volume = modal.Volume.from_name("titles", create_if_missing=True)
app = modal.App("titles", image=image)

with image.imports():
    import os

    from titlecase import titlecase


@app.cls(volumes={CACHE: volume})
class Titles:
    @modal.enter()
    def load(self):
        self.ending = os.environ["ENDING"]

    @modal.method()
    def title(self, text: str) -> str:
        made = titlecase(text) + self.ending
        with open(CACHE + "/last.txt", "w") as file:
            file.write(made)
        volume.commit()
        return made

    @modal.method()
    def last(self) -> dict:
        with open(f"{CACHE}/last.txt") as file:
            return {"last": file.read()}


@app.local_entrypoint()
def main(text: str = "a tale of two cities"):
    titles = Titles()
    print(titles.title.remote(text), titles.last.remote())
`;
const LETTERS = `import os

import modal

FOLDER = "/letters"
volume = modal.Volume.from_name("letters", create_if_missing=True)
app = modal.App("letters", secrets=[modal.Secret.from_name("letters-key", required_keys=["LETTERS_KEY"])])


@app.cls(gpu="A10G", volumes={FOLDER: volume}, max_containers=1, scaledown_window=120, timeout=90)
@modal.concurrent(max_inputs=4)
class Letters:
    @modal.enter()
    def load(self):
        self.signed = 0

    @modal.method()
    def sign(self, text: str) -> str:
        self.signed += 1
        return f"{text} ({len(os.environ['LETTERS_KEY'])})"

    @modal.method()
    def last(self) -> str:
        with open(f"{FOLDER}/closed.txt") as file:
            return file.read()

    @modal.exit()
    def close(self):
        with open(f"{FOLDER}/closed.txt", "w") as file:
            file.write(f"closed after {self.signed}")
`;
// The program of a file as it was, with functions called in its own process in the place of Modal's cloud.
const ORIGINAL = `import json, runpy, sys
sys.path.insert(0, sys.argv[1])
import modal_standin
modal_standin.install()
values = runpy.run_path(sys.argv[2])
values["main"](**json.loads(sys.argv[3]))
`;
// A function or method of the source itself, called in this process; an object is made with the first arguments.
const BODY = `import json, runpy, sys
sys.path.insert(0, sys.argv[1])
import modal_standin
modal_standin.install()
values = runpy.run_path(sys.argv[2])
name, made, method, given = json.loads(sys.argv[3])
function = getattr(values[name](**made), method) if method else values[name]
print(json.dumps(function.local(**given)))
`;
const STREAM = `import json, sys, fal_client
app, given = sys.argv[1], json.loads(sys.argv[2])
print(json.dumps(list(fal_client.stream(app, arguments=given))))
`;
const STANDIN = path.resolve(import.meta.dirname, '../../emulator/cli/import-check');

let emulator: EmulatorUnderTest;
let python: string;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.start(
    ['plain', 'callers', 'generators', 'server', 'parameters', 'shared'].map((name) =>
      path.join(FIXTURES, 'modal', name),
    ),
  );
  python = await testPython();
  mkdirSync(path.join(emulator.workspace, 'titles'));
  mkdirSync(path.join(emulator.workspace, 'letters'));
  const files = {
    'titles/titles.py': TITLES,
    'letters/letters.py': LETTERS,
    'original.py': ORIGINAL,
    'stream.py': STREAM,
    'body.py': BODY,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(emulator.workspace, name), text);
}, 120_000);
afterAll(() => emulator.dispose());

async function imported(source: string, out: string, ends: number, ...apps: string[]): Promise<void> {
  const result = await emulator.cli('import', source, '--out', out);
  expect(result.code, result.stdout + result.stderr).toBe(ends);
  for (const app of apps) await emulator.run(`${out}/${app}`);
}

/** What the file's own program prints at the end: converted and under exec, and as it was. */
async function bothPrint(file: string, was: string, flags: string[], given: object): Promise<[string, string]> {
  const app = await emulator.exec(python, [file, ...flags]);
  expect(app.code, app.stderr).toBe(0);
  const original = await emulator.exec(python, ['original.py', STANDIN, was, JSON.stringify(given)]);
  expect(original.code, original.stderr).toBe(0);
  const last = (text: string) => text.trim().split('\n').at(-1)!;
  return [last(app.stdout), last(original.stdout)];
}

/** What the function, or the method of an object, of the source says itself. */
async function body(file: string, name: string, given: object, method = '', made: object = {}): Promise<unknown> {
  const call = JSON.stringify([name, made, method, given]);
  const { code, stdout, stderr } = await emulator.exec(python, ['body.py', STANDIN, file, call]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

it('a function runs as an app, and the program of its file calls it', async () => {
  await imported('plain/source', 'squares', 0, 'squares.py');
  const [app, original] = await bothPrint('squares/squares.py', 'plain/source/squares.py', ['--number', '7'], {
    number: 7,
  });
  expect(app).toBe('the square is 49');
  expect(app).toBe(original);
}, 180_000);

it('functions and classes of one file run as apps that call each other: spawn, map, starmap, content', async () => {
  await imported(
    'callers/source',
    'pipeline',
    0,
    ...['Count', 'Shout', 'Total', 'Store'].map((name) => `pipeline.py::${name}`),
  );
  const [app, original] = await bothPrint(
    'pipeline/pipeline.py',
    'callers/source/pipeline.py',
    ['--text', 'bandana', '--loud'],
    {
      text: 'bandana',
      loud: true,
    },
  );
  expect(JSON.parse(app)).toEqual(JSON.parse(original));
  expect(JSON.parse(app)).toMatchObject({ counts: [3, 1], total: 3, shouted: 'QUIET' });
}, 240_000);

it('a class with an image, a package and a volume runs in an environment of its own', async () => {
  await imported('titles', 'titles-app', 0, 'titles.py');
  const app = await emulator.exec(python, ['titles-app/titles.py', '--text', 'the end of it']);
  expect(app.code, app.stderr).toBe(0);
  expect(app.stdout.trim()).toBe("The End of It! {'last': 'The End of It!'}");
}, 240_000);

it('generators stream to the official client', async () => {
  await imported('generators/source', 'words', 0, 'words.py::Split', 'words.py::Speaker');
  const split = await emulator.exec(python, ['stream.py', 'local/words-split', '{"text": "a b c d"}']);
  expect(JSON.parse(split.stdout)).toEqual([{ word: 'a' }, { word: 'b' }, { word: 'c' }]);
  expect(await body('generators/source/words.py', 'split', { text: 'a b c d' })).toEqual(JSON.parse(split.stdout));
  const spoken = await emulator.exec(python, ['stream.py', 'local/words-speaker', '{"name": "you"}']);
  expect(JSON.parse(spoken.stdout)).toEqual(['hello', 'you']);
  const said = await body('generators/source/words.py', 'Speaker', { name: 'you' }, 'speak');
  expect(said).toEqual(JSON.parse(spoken.stdout));
}, 240_000);

it('an object of a class with parameters answers as the method of the source', async () => {
  await imported('parameters/source', 'pools', 0, 'pools.py');
  for (const made of [{ language: 'en' }, { language: 'de' }]) {
    const given = { name: 'Ada' };
    const input = JSON.stringify({ ...made, ...given });
    const answer = await emulator.cli('call', 'local/pools/greet', '--input', input);
    expect(answer.code, answer.stderr).toBe(0);
    const result = await body('parameters/source/pools.py', 'Greeter', given, 'greet', made);
    expect(JSON.parse(answer.stdout)).toEqual({ result });
  }
}, 240_000);

it('a web app keeps its routes, and calls another app', async () => {
  await imported('server/source', 'site', 1, 'site.py::Double', 'site.py::site_server');
  const get = async (at: string) => (await fetch(`${emulator.url}/${at}`)).json();
  expect(await get('local/site_server/double/21')).toEqual({ doubled: 42 });
}, 240_000);

it('a secret, a card, the scale and what is done at the end', async () => {
  expect((await emulator.cli('secret', 'set', 'LETTERS_KEY=four')).code).toBe(0);
  await imported('letters', 'letters-app', 0, 'letters.py');
  const [app] = (await emulator.client.status()).apps.filter(({ id }) => id === 'local/letters');
  expect(app!.settings).toMatchObject({
    machineTypes: ['GPU-RTX4090'],
    maxConcurrency: 1,
    keepAlive: 120,
    requestTimeout: 90,
    maxMultiplexing: 4,
  });
  const call = async (route: string, input: string) => {
    const answer = await emulator.cli('call', `local/letters/${route}`, '--input', input);
    expect(answer.code, answer.stderr).toBe(0);
    return JSON.parse(answer.stdout);
  };
  expect(await call('sign', '{"text": "yours"}')).toEqual({ result: 'yours (4)' });
  expect(await emulator.client.stopRunner(app!.runners[0]!.id)).toBe(true);
  // The next runner reads what the first one wrote when it ended.
  expect(await call('last', '{}')).toEqual({ result: 'closed after 1' });
}, 240_000);

it('functions share a dictionary and a queue, and give them to each other by name', async () => {
  await imported('shared/source', 'shared-app', 0, 'shared.py::Spread', 'shared.py::Halve', 'shared.py::Forget');
  const [app, original] = await bothPrint('shared-app/shared.py', 'shared/source/shared.py', ['--upto', '5'], {
    upto: 5,
  });
  expect(app).toBe("{'done': 5, 'sum': 5.0, '3': 1.5, 'four': True}");
  expect(app).toBe(original);
  const answer = await emulator.cli('call', 'local/shared-forget', '--input', '{"text": "b a"}');
  expect(JSON.parse(answer.stdout)).toEqual({
    result: { put: [true, false], gone: null, kept: 'b a', seen: ['b', 'a'] },
  });
}, 240_000);

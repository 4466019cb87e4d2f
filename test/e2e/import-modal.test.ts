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
// The program of a file as it was, with functions called in its own process in the place of Modal's cloud.
const ORIGINAL = `import json, runpy, sys
sys.path.insert(0, sys.argv[1])
import modal_standin
modal_standin.install()
values = runpy.run_path(sys.argv[2])
values["main"](**json.loads(sys.argv[3]))
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
    ['plain', 'callers', 'generators', 'server'].map((name) => path.join(FIXTURES, 'modal', name)),
  );
  python = await testPython();
  mkdirSync(path.join(emulator.workspace, 'titles'));
  const files = { 'titles/titles.py': TITLES, 'original.py': ORIGINAL, 'stream.py': STREAM };
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
  const spoken = await emulator.exec(python, ['stream.py', 'local/words-speaker', '{"name": "you"}']);
  expect(JSON.parse(spoken.stdout)).toEqual(['hello', 'you']);
}, 240_000);

it('a web app keeps its routes, and calls another app', async () => {
  await imported('server/source', 'site', 1, 'site.py::Double', 'site.py::site_server');
  const get = async (at: string) => (await fetch(`${emulator.url}/${at}`)).json();
  expect(await get('local/site_server/double/21')).toEqual({ doubled: 42 });
}, 240_000);

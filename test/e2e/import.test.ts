import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';

const WORKER = `import runpod
from words import Counter

counter = Counter()  # loaded once


def handler(job):
    text = job["input"]["text"]
    if not text:
        return {"error": "no text"}
    return {"counts": counter.count(text), "longest": job["input"].get("longest", False) and max(text.split(), key=len)}


runpod.serverless.start({"handler": handler})
`;
const WORDS = `class Counter:
    def count(self, text):
        return {word: text.split().count(word) for word in text.split()}
`;
// The handler itself, without the platform: what the app must answer.
const ORIGINAL = `import json, runpy, sys, types
runpod = types.ModuleType("runpod")
runpod.serverless = types.SimpleNamespace(start=lambda config: globals().update(config))
sys.modules["runpod"] = runpod
sys.path.insert(0, "worker")
runpy.run_path("worker/handler.py")
print(json.dumps(handler({"id": "1", "input": json.loads(sys.argv[1])})))
`;
const CLIENT = `import json, sys, fal_client
print(json.dumps(fal_client.subscribe("local/worker", arguments=json.loads(sys.argv[1]))))
`;

let emulator: EmulatorUnderTest;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
  mkdirSync(path.join(emulator.workspace, 'worker'));
  const files = { 'worker/handler.py': WORKER, 'worker/words.py': WORDS, 'client.py': CLIENT, 'original.py': ORIGINAL };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(emulator.workspace, name), text);
}, 120_000);
afterAll(() => emulator.dispose());

it('an imported worker runs, and answers the official client as its handler did', async () => {
  const imported = await emulator.cli('import', 'worker', '--out', 'app');
  expect(imported).toMatchObject({ code: 0 });
  await emulator.run('app/handler.py');
  const python = await testPython();
  for (const input of [{ text: 'a b a' }, { text: 'fal is fast', longest: true }]) {
    const given = JSON.stringify(input);
    const worker = await emulator.exec(python, ['original.py', given]);
    const app = await emulator.exec(python, ['client.py', given]);
    expect(app.code, app.stderr).toBe(0);
    expect(JSON.parse(app.stdout)).toEqual(JSON.parse(worker.stdout));
  }
  const refused = await emulator.exec(python, ['client.py', '{"text": ""}']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('no text');
}, 180_000);

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FAULT_PRESETS } from '../../core/fault-presets.ts';
import { loadScenario, SCENARIO_FOLDER } from './load-scenario.ts';

const FILE = `{
  // Two attempts fail.
  "rules": [{ "fault": { "kind": "status", "status": 503 }, "count": 2 }],
}`;
const PARSED = { rules: [{ fault: { kind: 'status', status: 503 }, count: 2 }] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wt-sc-'));
  mkdirSync(path.join(folder, SCENARIO_FOLDER), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (named: string) => loadScenario(named, folder, folder);
const write = (file: string, text: string) => writeFileSync(path.join(folder, file), text);

it('takes a file, a name in the workspace, or a preset, in this order', () => {
  write('mine.json', FILE);
  expect(load('mine.json')).toEqual(PARSED);
  expect(load(path.join(folder, 'mine.json'))).toEqual(PARSED);
  write(`${SCENARIO_FOLDER}/twice.json`, FILE);
  expect(load('twice')).toEqual(PARSED);
  expect(load('flaky')).toEqual(FAULT_PRESETS.flaky?.scenario);
  write(`${SCENARIO_FOLDER}/flaky.json`, FILE);
  expect(load('flaky')).toEqual(PARSED);
});

it('names the line and the key of what is wrong', () => {
  write('bad.json', '{\n  "rules": [\n    { "fault": { "kind": "status", "status": 99 } }\n  ]\n}');
  expect(() => load('bad.json')).toThrow(
    expect.objectContaining({ code: 'E_SCENARIO', message: expect.stringMatching(/bad\.json:3: .*status/) }),
  );
  write('cut.json', '{\n  "rules": [');
  expect(() => load('cut.json')).toThrow(expect.objectContaining({ code: 'E_SCENARIO' }));
});

it('lists the presets where there is no such thing', () => {
  expect(() => load('nothing')).toThrow(
    expect.objectContaining({ code: 'E_FILE_UNREADABLE', hint: expect.stringContaining('flaky, unavailable') }),
  );
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configJsonSchema } from './config-schema.ts';
import { loadConfig, parseConfig } from './load-config.ts';

test('comments and trailing commas are fine', () => {
  const text = '{\n  // the port\n  "port": 9000,\n  "watch": { "ignore": ["out/**"] },\n}\n';
  expect(parseConfig(text, 'c')).toEqual({ port: 9000, watch: { ignore: ['out/**'] } });
  expect(parseConfig('', 'c')).toEqual({});
});

test.each([
  ['{\n\n  "port": "9000"\n}', 'c:3: "port": ', 'a wrong type names line and key'],
  ['{\n  "port": 70000\n}', 'c:2: "port": ', 'a number out of range'],
  ['{\n  "watch": {\n    "ignroe": []\n  }\n}', 'c:3: unknown key "watch.ignroe"', 'an unknown key, nested'],
  ['{\n  "origins": [\n    "https://a",\n    5\n  ]\n}', 'c:4: "origins.1"', 'an element of a list'],
  ['{\n  "port": 1,\n  oops\n}', 'c:3: ', 'broken syntax'],
  ['[]', 'c:1: ', 'another type at the root'],
])('%j → %s (%s)', (text, message) => {
  expect(() => parseConfig(text, 'c')).toThrow(
    expect.objectContaining({ code: 'E_CONFIG_INVALID', message: expect.stringContaining(message) }),
  );
});

test('a workspace without the file has an empty configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wt-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(loadConfig(folder)).toEqual({});
  writeFileSync(join(folder, 'windtunnel.jsonc'), '{"owner": "ada"}');
  expect(loadConfig(folder)).toEqual({ owner: 'ada' });
});

test('windtunnel.schema.json is what the code says (write it anew with `npm run schema`)', () => {
  expect(readFileSync(new URL('../../../windtunnel.schema.json', import.meta.url), 'utf8')).toBe(configJsonSchema());
});

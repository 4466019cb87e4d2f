import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { comparable, recordSession, SESSION_FILE } from './session.ts';

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  const apps = path.join(import.meta.dirname, 'apps');
  emulator = await EmulatorUnderTest.start(['shop.py', 'version.txt'].map((name) => path.join(apps, name)));
}, 300_000);

afterAll(() => emulator?.dispose(), 60_000);

test('docs/fal-session.md is what a session shows', async () => {
  const page = await recordSession(emulator);
  expect(comparable(page), 'npm run session writes it').toEqual(comparable(readFileSync(SESSION_FILE, 'utf8')));
}, 300_000);

import { expect, test } from 'vitest';
import { fidelityPage } from './page.ts';
import { resultsOf } from './results.ts';

const ran = (...tests: [name: string, state: 'passed' | 'failed' | 'skipped'][]) =>
  resultsOf({ tests: tests.map(([name, state]) => ({ name, state })) });
const row = (page: string, start: string) => page.split('\n').find((line) => line.startsWith(`| ${start} |`));
const SUBMIT = 'test/conformance/clients.test.ts > @fal-ai/client under exec > #1 J: submit';
const ON_DOCKER = 'test/conformance/docker.test.ts > on docker > clients > @fal-ai/client under exec > #1 J: submit';
const RESTART = 'test/conformance/emulator.test.ts > the emulator itself > #25 E: restart';
const LIVE = 'test/conformance/upstream.test.ts > live > test_sync_client.py::test_fal_client';

test('what ran is marked, what never ran is not', () => {
  const page = fidelityPage(ran([SUBMIT, 'passed'], [LIVE, 'failed']), '');
  expect(row(page, '1')).toMatch(/\| J ✓ P \? \| J \? P \? \|$/);
  expect(row(page, '`test_sync_client.py::test_fal_client`')).toMatch(/\| ✗ \| \? \|$/);
});

test('each engine has its own marks', () => {
  const page = fidelityPage(ran([SUBMIT, 'failed'], [ON_DOCKER, 'passed']), '');
  expect(row(page, '1')).toMatch(/\| J ✗ P \? \| J ✓ P \? \|$/);
});

test('what was skipped neither passes nor changes the page', () => {
  const page = fidelityPage(ran([SUBMIT, 'passed'], [LIVE, 'passed']), '');
  expect(fidelityPage(ran([SUBMIT, 'skipped']), page)).toBe(page);
  expect(fidelityPage(ran([SUBMIT, 'failed']), page)).not.toBe(page);
  expect(fidelityPage(ran([SUBMIT, 'skipped']), '')).toBe(fidelityPage(ran(), ''));
});

test('an item with several tests passes when all do', () => {
  const page = fidelityPage(ran([RESTART, 'failed'], [RESTART, 'passed']), '');
  expect(row(page, '25')).toMatch(/\| E ✗ \| E \? \|$/);
});

test('the page names no path of a machine and no date', () => {
  const page = fidelityPage(ran([SUBMIT, 'passed']), '');
  expect(page).not.toMatch(/\/(home|tmp|root|Users)\/|\b20\d\d-\d\d/);
});

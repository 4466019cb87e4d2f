import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { has, requires } from '../support/skip.ts';
import { breakpoint, continueOn, shownVariable, stoppedAt } from './support/debugger.ts';
import { Workbench } from './support/workbench.ts';

let daemon: TestDaemon | undefined;
let at: Workbench | undefined;

beforeAll(async () => {
  if (!(await has('dockerd')) || !(await has('chromium'))) return;
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon?.dispose(), 120_000);
beforeEach(requires('chromium', 'dockerd'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
});

test('F5 with the docker engine stops in setup, in an endpoint and in a file of app_files, with the values to see', {
  timeout: 600_000,
}, async () => {
  at = await Workbench.open({
    files: ['app', 'shared'].map((name) => path.join(import.meta.dirname, 'workspace-docker/boxed', name)),
    settings: { 'windtunnel.engine.default': 'docker' },
    env: (env) => ({ ...env, ...daemon?.env }),
  });
  const { page } = at;
  await at.openFile('wording.py');
  await breakpoint(at, 'return words', 1);
  await at.openFile('boxed.py');
  await breakpoint(at, 'print("boxed is set up in', 1);
  await breakpoint(at, 'return BoxedOutput(text=text)', 2);
  await page.keyboard.press('F5');

  await stoppedAt(at, 'boxed.py', 23);
  await shownVariable(at, '/opt/windtunnel/home');
  await continueOn(at);

  const answer = at.post('/run/local/boxed', { name: 'Ada' });
  await stoppedAt(at, 'wording.py', 3);
  await shownVariable(at, 'Hello, Ada!');
  await continueOn(at);
  await stoppedAt(at, 'boxed.py', 30);
  await shownVariable(at, 'Hello, Ada!');
  await at.picture('debug-docker');
  const [container = ''] = (await daemon?.containers()) ?? [];
  expect((await daemon?.inspect(container)) as unknown).toMatchObject({ NetworkSettings: { Ports: {} } });
  await continueOn(at);
  expect(await answer).toEqual({ status: 200, body: { text: 'Hello, Ada!' } });

  await page.keyboard.press('Shift+F5');
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });
  await expect.poll(() => daemon?.containers(), { timeout: 60_000, interval: 200 }).toEqual([]);
});

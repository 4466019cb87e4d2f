import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testPython } from '../../test/support/python.ts';
import { systemClock } from '../core/clock.ts';
import { describeApp } from './describe.ts';

const APP = `import fal, os
print("noise on stdout")
N = int(os.environ.get("N", "2"))
class Demo(fal.App, name="demo", max_concurrency=N):
    machine_type = ["GPU-A100", "GPU-H100"]
    requirements = ["a", "b"]
    local_python_modules = ["x"]
    keep_alive = N * 5
    @fal.endpoint("/")
    def run(self) -> dict: ...

@fal.function(machine_type="M", serve=True, requirements=[["a"], ["b"]], max_multiplexing=N)
def served(x: int) -> int: ...
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wtd-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function describe_(symbol: string, text = APP) {
  const file = path.join(folder, 'app.py');
  await writeFile(file, text);
  const env = { PATH: process.env.PATH ?? '', N: '3' };
  return describeApp(await testPython(), file, symbol, {
    clock: systemClock,
    roots: [folder],
    env,
    signal: new AbortController().signal,
  });
}

it('reads the settings of an app that only Python can tell', async () => {
  expect(await describe_('Demo')).toMatchObject({
    appName: 'demo',
    machineTypes: ['GPU-A100', 'GPU-H100'],
    requirements: [['a', 'b']],
    localPythonModules: ['x'],
    maxConcurrency: 3,
    keepAlive: 15,
    exposedPort: null,
  });
});

it('reads those of a function, without what the SDK adds to it', async () => {
  expect(await describe_('served')).toMatchObject({
    machineTypes: ['M'],
    requirements: [['a'], ['b']],
    maxMultiplexing: 3,
    keepAlive: null,
  });
});

it('tells what the module raised', async () => {
  const error = await describe_('Demo', 'import fal\nraise ValueError("no")\n').catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'E_APP_IMPORT', message: `${folder}/app.py:2: ValueError: no` });
  expect(error.detail).toContain('line 2, in <module>');
});

it('lets no module reach fal while it is imported', async () => {
  const text = 'import urllib.request\nurllib.request.urlopen("https://rest.fal.ai/x")\n';
  const error = await describe_('Demo', text).catch((thrown) => thrown);
  expect(error.message).toContain('No such file or directory');
});

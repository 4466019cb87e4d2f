import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEMPLATES, type Template } from '../../emulator/contract/index.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';

// The container's is run by test/docker.
const HERE = (Object.keys(TEMPLATES) as Template[]).filter((template) => template !== 'container');

/** The tests of a template, as pytest finds and runs them: each function `test_…` of its module. */
const RUN_TESTS = `
import test_app
found = [value for name, value in vars(test_app).items() if name.startswith("test_")]
for test in found:
    test()
print(len(found), "passed")
`;

let emulator: EmulatorUnderTest;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
});
afterAll(() => emulator?.dispose());

describe.each(HERE)('windtunnel new %s', (template) => {
  test('makes an app that runs, answers its own example and passes its own tests', async () => {
    const made = await emulator.cli('new', template, `my-${template}`, '--json');
    expect(made).toMatchObject({ code: 0 });
    const { folder } = JSON.parse(made.stdout) as { folder: string };
    const id = await emulator.run(`my-${template}/app.py`);
    const call = await emulator.cli('call', id, '--input', `@${path.join(folder, 'input.json')}`);
    expect(call, call.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(call.stdout)).toBeTypeOf('object');
    const tests = await emulator.exec('python', ['-c', RUN_TESTS], { PYTHONPATH: folder });
    expect(tests.stdout, tests.stderr).toMatch(/^[12] passed$/m);
    expect(JSON.parse(readFileSync(path.join(folder, '.vscode/launch.json'), 'utf8')).configurations[0].type).toBe(
      'windtunnel',
    );
    await emulator.client.remove(id);
  });
});

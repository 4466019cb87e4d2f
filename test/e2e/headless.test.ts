import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

/** What each command of the editor is in a terminal; a sentence where it is of the editor alone. */
const IN_A_TERMINAL: Record<string, string> = {
  'app.new': 'new',
  'app.import': 'import',
  'app.run': 'run',
  'app.debug': 'run',
  'app.stop': 'down',
  'app.restart': 'run',
  'app.showLogs': 'logs',
  'app.deploy': 'deploy',
  'app.compare': 'compare',
  'app.openSource': 'opens a file in the editor',
  'apps.refresh': 'ps',
  'apps.filter': 'filters a view',
  'apps.clearFilter': 'filters a view',
  'playground.openPanel': 'call',
  'timeline.openPanel': 'ps',
  'endpoint.call': 'call',
  'endpoint.copyAsCurl': 'puts text on the clipboard',
  'endpoint.copyAsPython': 'puts text on the clipboard',
  'endpoint.copyAsJavascript': 'puts text on the clipboard',
  'request.copyId': 'puts text on the clipboard',
  'request.showLogs': 'logs',
  'request.replay': 'replay',
  'runner.stop': 'the control API has it, and `fal runners stop` under exec',
  'runner.openShell': 'shell',
  'emulator.start': 'up',
  'emulator.stop': 'down',
  'emulator.copyAddress': 'ps',
  'emulator.showActions': 'is a menu of others',
  'engine.switch': 'run',
  'secret.set': 'secret',
  'doctor.run': 'doctor',
  'remote.refresh': 'remote',
  'remote.logIn': '`fal auth login`',
  'row.copy': 'puts text on the clipboard',
  'import.take': 'import',
  'import.leave': 'import',
  'import.takeAll': 'import',
  'import.settle': 'import',
};

let emulator: EmulatorUnderTest;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.prepare([]);
});
afterAll(() => emulator?.dispose());

test('whatever the editor does, a terminal does too: each command has its counterpart', async () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    contributes: { commands: { command: string }[] };
  };
  const { stdout } = await emulator.cli('--help');
  const verbs = new Set([...stdout.matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map(([, verb]) => verb));
  expect(verbs.size).toBeGreaterThan(10);
  const missing = manifest.contributes.commands.flatMap(({ command }) => {
    const counterpart = IN_A_TERMINAL[command.replace('windtunnel.', '')];
    if (counterpart === undefined) return [`${command}: what is it in a terminal?`];
    return /^[a-z]+$/.test(counterpart) && !verbs.has(counterpart) ? [`${command}: no windtunnel ${counterpart}`] : [];
  });
  expect(missing).toEqual([]);
});

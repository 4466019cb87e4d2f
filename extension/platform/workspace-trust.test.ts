import { tmpdir } from 'node:os';
import { expect, it, vi } from 'vitest';
import { EmulatorSession } from '../features/emulator/emulator-session.ts';
import { runInTerminal } from '../features/terminal/cli-terminal.ts';
import { runCli } from './emulator-cli.ts';

const { createTerminal } = vi.hoisted(() => ({ createTerminal: vi.fn() }));

// A stand-in for the editor, with a workspace that nobody trusts.
vi.mock('vscode', () => ({
  workspace: { isTrusted: false },
  window: { createTerminal },
  l10n: { t: (text: string) => text },
  EventEmitter: class {
    event = () => ({ dispose: () => undefined });
    fire = () => undefined;
    dispose = () => undefined;
  },
}));

it('nothing runs in a workspace that is not trusted, whoever asks for it', async () => {
  const untrusted = { code: 'E_UNTRUSTED', kind: 'user' };
  // Neither would be found, were it started.
  await expect(runCli('/nowhere/emulator.js', ['up'], { cwd: tmpdir() })).rejects.toMatchObject(untrusted);
  expect(() => runInTerminal('/nowhere/emulator.js', tmpdir(), ['call'])).toThrow(expect.objectContaining(untrusted));
  expect(createTerminal).not.toHaveBeenCalled();
  const session = new EmulatorSession(tmpdir(), '/nowhere/emulator.js');
  try {
    await expect(session.ensure()).rejects.toMatchObject(untrusted);
    await expect(session.restart('local/a')).rejects.toMatchObject(untrusted);
    expect(session.state.kind).toBe('stopped');
  } finally {
    session.dispose();
  }
});

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliFile, EmulatorUnderTest, type RunResult } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { falJson } from './fal-cli.ts';

// `windtunnel deploy` and `compare`. The remote is a second Windtunnel with a port and state of its own, which stands in for fal's
// cloud: the user's environment leads there as it otherwise leads to fal.
const root = path.resolve(import.meta.dirname, '../..');
let remote: EmulatorUnderTest;
let local: EmulatorUnderTest;
let toRemote: NodeJS.ProcessEnv = {};

/** A picture with words on it, as a data URI. */
async function picture(): Promise<string> {
  const draw = `
import base64, io
from PIL import Image, ImageDraw, ImageFont
image = Image.new("RGB", (320, 96), "white")
ImageDraw.Draw(image).text((20, 24), "HELLO 2026", fill="black", font=ImageFont.load_default(size=40))
out = io.BytesIO()
image.save(out, "PNG")
print("data:image/png;base64," + base64.b64encode(out.getvalue()).decode(), end="")
`;
  return (await promisify(execFile)(await testPython(), ['-c', draw])).stdout;
}

const windtunnel = (...args: string[]): Promise<RunResult> => local.cliIn(toRemote, ...args);
const said = ({ stdout, stderr }: RunResult): string => stdout + stderr;

beforeAll(async () => {
  remote = await EmulatorUnderTest.start([]);
  const examples = ['pixels', 'ocr'].map((name) => path.join(root, 'examples', name));
  local = await EmulatorUnderTest.start([...examples, path.join(import.meta.dirname, 'apps/wrong.py')]);
  const { WINDTUNNEL_ORIGINAL_ENV: _record, WINDTUNNEL_PORT_URL: _url, ...variables } = await remote.execEnv();
  toRemote = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== null));
}, 300_000);

afterAll(async () => {
  await local?.dispose();
  await remote?.dispose();
}, 120_000);

describe('a second Windtunnel stands in for the cloud', () => {
  let first = '';

  test('deploys an example: checks, what changes, fal’s own lines, then a healthy answer', async () => {
    const result = await windtunnel('deploy', 'pixels/app.py');
    expect(result.code, said(result)).toBe(0);
    expect(result.stderr).toMatch(
      /local\/pixels {2}at api\.alpha\.fal\.ai, no profile, with the key in FAL_KEY[\s\S]*ok +import +imported in[\s\S]*local\/pixels is not deployed yet[\s\S]*machine +S\n[\s\S]*Build complete[\s\S]*healthy {2}https:\/\/fal\.run\/local\/pixels/,
    );
    expect(said(result)).not.toContain(toRemote.FAL_KEY?.split(':')[1]);
    const { apps } = await falJson(remote, 'apps', 'list');
    expect(apps).toMatchObject([{ alias: 'pixels', active_runners: 1 }]);
    first = (apps as { revision: string }[])[0]?.revision ?? '';
    expect(result.stderr).toContain(first);
  }, 300_000);

  test('the same again changes nothing, and says so; --dry-run deploys nothing', async () => {
    const result = await windtunnel('deploy', 'pixels/app.py', '--dry-run', '--json');
    expect(result.code, said(result)).toBe(0);
    const document = JSON.parse(result.stdout);
    expect(document).toMatchObject({ ok: true, app: 'local/pixels', revision: null, code: [], error: null });
    expect(document.changes.filter((one: { changes: boolean }) => one.changes)).toEqual([]);
    expect((await falJson(remote, 'apps', 'list')).apps).toMatchObject([{ revision: first }]);
  }, 300_000);

  test('a setup() that raises fails with the runner’s traceback, and the old revision serves on', async () => {
    const file = path.join(local.workspace, 'pixels/app.py');
    const source = readFileSync(file, 'utf8');
    const broken = source.replace(
      '    def setup(self):\n',
      '    def setup(self):\n        raise RuntimeError("no paint left")\n',
    );
    writeFileSync(file, broken.replace('machine_type = "S"', 'machine_type = "M"'));
    const result = await windtunnel('deploy', 'pixels/app.py');
    writeFileSync(file, source);
    expect(result.code, said(result)).toBe(1);
    expect(result.stderr).toMatch(
      /changes to local\/pixels, revision [\s\S]*machine +S → M[\s\S]*app\.py: 2 lines added, 1 removed/,
    );
    expect(result.stderr).toMatch(
      /error: fal deploy failed[\s\S]*E_DEPLOY_FAILED[\s\S]*in setup[\s\S]*RuntimeError: no paint left/,
    );
    expect((await falJson(remote, 'apps', 'list')).apps).toMatchObject([{ revision: first, machine_types: ['S'] }]);
    const answer = await fetch(`${remote.url}/run/local/pixels/health`);
    expect(answer.status).toBe(200);
  }, 300_000);

  test('under exec of the emulator here it goes to the remote all the same', async () => {
    const result = await windtunnel(
      'exec',
      '--',
      process.execPath,
      cliFile,
      'deploy',
      'pixels/app.py',
      '--message',
      'again',
    );
    expect(result.code, said(result)).toBe(0);
    expect((await falJson(remote, 'apps', 'list')).apps).not.toMatchObject([{ revision: first }]);
    expect((await falJson(local, 'apps', 'list')).apps).toEqual([]);
  }, 300_000);

  test('compare: the same answer here and there, the picture in it by what it holds', async () => {
    await local.run('pixels/app.py');
    const input = JSON.stringify({ image_url: await picture() });
    const result = await windtunnel('compare', 'pixels', '--input', input, '--ignore', 'palette_cached');
    expect(result.code, said(result)).toBe(0);
    expect(result.stdout).toMatch(/status +200 +200\n[\s\S]*ran +\d[\s\S]*files +1 +1\n[\s\S]*output: the same/);
    expect(said(result)).not.toContain(toRemote.FAL_KEY?.split(':')[1]);
  }, 300_000);

  test('compare: what differs is shown, and fails', async () => {
    const file = path.join(local.workspace, 'pixels/app.py');
    const source = readFileSync(file, 'utf8');
    await local.client.remove('local/pixels');
    writeFileSync(file, source.replace('print("palette was', 'palette = palette[::-1]; print("palette was'));
    await local.run('pixels/app.py');
    const input = JSON.stringify({ image_url: await picture() });
    const result = await windtunnel('compare', 'pixels', '--json', '--input', input);
    writeFileSync(file, source);
    expect(result.code, said(result)).toBe(1);
    const { equal, output } = JSON.parse(result.stdout);
    expect(equal).toBe(false);
    expect(output.map((one: { path: string }) => one.path)).toContain('palette[0]');
  }, 300_000);

  test('the other example: a real model, deployed and compared', async () => {
    const deployed = await windtunnel('deploy', 'ocr/app.py::Ocr');
    expect(deployed.code, said(deployed)).toBe(0);
    await local.run('ocr/app.py');
    const input = JSON.stringify({ image_url: await picture() });
    const result = await windtunnel('compare', 'ocr', '--input', input, '--ignore', 'seconds');
    expect(result.code, said(result)).toBe(0);
    expect(result.stdout).toContain('output: the same');
  }, 600_000);

  test('remote shows what the account holds: apps, revisions, runners, names of secrets; signed out, how to log in', async () => {
    await remote.client.setSecret('HF_TOKEN', 'hf_very_secret');
    const result = await windtunnel('remote', '--json');
    expect(result.code, said(result)).toBe(0);
    const held = JSON.parse(result.stdout);
    expect(held.account).toMatchObject({ key: 'FAL_KEY' });
    expect(held.secrets).toContain('HF_TOKEN');
    const pixels = held.apps.find(({ alias }: { alias: string }) => alias === 'pixels');
    expect(pixels.machines).toEqual(['S']);
    expect(pixels.revisions.map(({ id }: { id: string }) => id)).toContain(pixels.revision);
    expect(pixels.runners[0]).toMatchObject({ id: expect.any(String), state: expect.any(String), machine: 'S' });
    expect(said(result)).not.toMatch(/hf_very_secret/);
    expect(said(result)).not.toContain(toRemote.FAL_KEY?.split(':')[1]);
    const { FAL_KEY: _key, ...withoutKey } = toRemote;
    for (const env of [
      { ...withoutKey, FAL_KEY: '' },
      { ...toRemote, FAL_KEY: 'some:body' },
    ]) {
      const signedOut = await local.cliIn(env, 'remote');
      expect(signedOut.code, said(signedOut)).toBe(1);
      expect(signedOut.stderr).toMatch(/E_SIGNED_OUT[\s\S]*fix: Log in with `fal auth login`/);
    }
  }, 300_000);

  test('what would fail at fal is found before anything is sent', async () => {
    const own = path.join(local.workspace, 'helper_of_mine.py');
    writeFileSync(own, 'def shout(text):\n    return text.upper()\n');
    const torch = path.join(local.workspace, 'torch');
    mkdirSync(torch);
    writeFileSync(path.join(torch, '__init__.py'), 'cuda = None\n');
    const result = await windtunnel('deploy', 'wrong.py', '--json');
    expect(result.code, said(result)).toBe(1);
    const { checks, changes, error } = JSON.parse(result.stdout);
    expect(error).toMatchObject({ code: 'E_DEPLOY_CHECKS' });
    expect(changes).toBeNull();
    const found = checks.map(({ check, state, message }: Record<string, string>) => `${state} ${check}: ${message}`);
    for (const expected of [
      /^warning heavy-import: torch is imported at the top/,
      /^error machine-type: There is no machine type "GPU-H10"/,
      /^warning attribute: fal.App has no attribute max_concurency/,
      /^warning query-parameter: prompt of run\(\) comes from the query string/,
      /^warning query-parameter: steps of run\(\)/,
      /^error pickle: The runner has no module helper_of_mine/,
      /^error requirements: The requirements cannot be installed together/,
      /^error secrets: The secret WRONG_SECRET is not set/,
      /^error secrets: The secret WRONG_TOKEN is not set/,
    ]) {
      expect(found).toContainEqual(expect.stringMatching(expected));
    }
    expect((await falJson(remote, 'apps', 'list')).apps).not.toContainEqual(
      expect.objectContaining({ alias: 'wrong' }),
    );
  }, 300_000);

  test('a module that is missing here fails with the traceback of the import', async () => {
    writeFileSync(
      path.join(local.workspace, 'lonely.py'),
      'import fal\nimport nowhere_to_be_found\n\n\nclass Lonely(fal.App):\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n',
    );
    const result = await windtunnel('deploy', 'lonely.py');
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /E_DEPLOY_CHECKS[\s\S]*lonely\.py", line 2[\s\S]*ModuleNotFoundError: No module named 'nowhere_to_be_found'/,
    );
  }, 300_000);

  test('an app that is deployed and does not answer as healthy is no success', async () => {
    writeFileSync(
      path.join(local.workspace, 'sick.py'),
      'import fal\n\n\nclass Sick(fal.App):\n    def health(self):\n        raise RuntimeError("a fever")\n\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n',
    );
    const result = await windtunnel('deploy', 'sick.py', '--wait', '2', '--json');
    expect(result.code, said(result)).toBe(1);
    const { error, revision } = JSON.parse(result.stdout);
    expect(error).toMatchObject({
      code: 'E_DEPLOY_UNHEALTHY',
      message: expect.stringContaining('GET /health answers 500'),
    });
    expect(revision).toEqual(expect.any(String));
  }, 300_000);

  test('an interrupted deployment says how far it came, and what was deployed before serves on', async () => {
    const source = (moment: 'import' | 'setup' | 'never') => {
      const wait = (indent: string) =>
        `${indent}open("${path.join(local.folder, moment)}", "w").close()\n${indent}time.sleep(3600)\n`;
      return `import time\nimport fal\n\n${moment === 'import' ? wait('') : ''}
class Slow(fal.App):
    def setup(self):
${moment === 'setup' ? wait('        ') : '        pass\n'}
    @fal.endpoint("/")
    def run(self) -> dict:
        return {"moment": "${moment}"}
`;
    };
    const interrupted = async (moment: 'import' | 'setup') => {
      writeFileSync(path.join(local.workspace, 'slow.py'), source(moment));
      const child = spawn(process.execPath, [cliFile, 'deploy', 'slow.py', '--json'], {
        cwd: local.workspace,
        env: { ...local.env, ...toRemote },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let printed = '';
      child.stdout.on('data', (text) => {
        printed += text;
      });
      const ended = once(child, 'close');
      await expect.poll(() => existsSync(path.join(local.folder, moment)), { timeout: 120_000 }).toBe(true);
      child.kill('SIGINT');
      const [code] = await ended;
      expect(code, printed).toBe(130);
      return JSON.parse(printed).error;
    };
    writeFileSync(path.join(local.workspace, 'slow.py'), source('never'));
    const first = await windtunnel('deploy', 'slow.py');
    expect(first.code, said(first)).toBe(0);
    expect(await interrupted('import')).toMatchObject({
      code: 'E_CANCELLED',
      message: 'Interrupted: nothing was deployed.',
    });
    expect(await interrupted('setup')).toMatchObject({
      code: 'E_CANCELLED',
      message: 'Interrupted while fal deployed.',
    });
    const answer = await fetch(`${remote.url}/run/local/slow`, { method: 'POST', body: '{}' });
    expect(await answer.json()).toEqual({ moment: 'never' });
  }, 300_000);

  test('a remote that refuses the key, a machine without fal: one line that says so', async () => {
    const refused = await local.cliIn({ ...toRemote, FAL_KEY: 'some:body' }, 'deploy', 'pixels/app.py');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/error: api\.alpha\.fal\.ai could not be asked: .*\[E_REMOTE\]/);
    const without = await local.cliIn({ ...toRemote, PATH: '/nowhere' }, 'deploy', 'pixels/app.py');
    expect(without.code).toBe(1);
    expect(without.stderr).toContain('E_FAL_MISSING');
  }, 300_000);
});

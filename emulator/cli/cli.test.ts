import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cliFile } from '../../test/support/emulator.ts';
import { processStart } from '../client/process-identity.ts';
import { originalEnv } from './exec-env.ts';

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

let folder: string;
let workspace: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wt-cli-')));
  workspace = join(folder, 'ws');
  for (const name of ['ws', 'run']) mkdirSync(join(folder, name), { mode: 0o700 });
  const { WINDTUNNEL_URL: _url, FAL_KEY: _key, ...rest } = process.env;
  env = { ...rest, HOME: folder, WINDTUNNEL_HOME: join(folder, 'wt'), XDG_RUNTIME_DIR: join(folder, 'run') };
});
afterEach(async () => {
  if (existsSync(join(folder, 'wt', 'workspaces'))) await cli('down');
  rmSync(folder, { recursive: true, force: true });
});

function cli(...args: string[]): Promise<Result> {
  return start(args).result;
}

function start(args: string[], input = '') {
  const child = spawn(process.execPath, [cliFile, ...args], { cwd: workspace, env, stdio: 'pipe' });
  const result: Result = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    result.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    result.stderr += chunk;
  });
  // A command that ends before it has read shows so by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...result, code }));
  });
  return { child, result: ended };
}

const write = (name: string, text: string) => writeFileSync(join(workspace, name), text);

describe('help', () => {
  test.each([
    [['--help'], 'run [options] <file>'],
    [['run', '--help'], 'windtunnel run app.py'],
    [['up', '--help'], 'windtunnel up --port'],
    [['ps', '--help'], 'windtunnel ps --json'],
    [['logs', '--help'], 'windtunnel logs pixels -f'],
    [['down', '--help'], 'windtunnel down'],
    [['call', '--help'], 'windtunnel call local/pixels'],
    [['exec', '--help'], 'windtunnel exec -- python client.py'],
    [['env', '--help'], 'eval "$(windtunnel env --shell)"'],
    [['secret', '--help'], 'weakest first'],
    [['secret', 'set', '--help'], 'windtunnel secret set HF_TOKEN'],
    [['doctor', '--help'], 'windtunnel doctor --json'],
    [['clean', '--help'], 'windtunnel clean --state'],
  ])('%j shows an example and exits 0', async (args, text) => {
    const { code, stdout } = await cli(...args);
    expect(stdout).toContain(text);
    expect(code).toBe(0);
  });
});

describe('usage and input errors', () => {
  test.each([
    [[], 2, 'Usage: windtunnel'],
    [['nonsense'], 2, "unknown command 'nonsense'"],
    [['run'], 2, "missing required argument 'file'"],
    [['run', 'app.txt'], 2, 'Not a Python file: app.txt'],
    [['run', 'app.py', '--engine', 'cloud'], 2, 'No engine cloud.'],
    [['run', 'app.py', '--port', '70000'], 2, 'Not a port: 70000'],
    [['run', 'app.py', '--as', 'flux'], 2, 'Not OWNER/NAME: flux'],
    [['run', 'missing.py'], 1, '[E_FILE_UNREADABLE]'],
    [['call', 'a/b', '--input', '{'], 2, '--input is not JSON'],
    [['call', 'a/b', '--input', '@none.json'], 1, '[E_FILE_UNREADABLE]'],
    [['call', 'a/b', '--direct', '--stream'], 2, 'exclude each other'],
    [['ps'], 3, '[E_EMULATOR_DOWN]'],
    [['logs'], 3, '[E_EMULATOR_DOWN]'],
    [['call', 'a/b'], 3, '[E_EMULATOR_DOWN]'],
    [['exec', '--', 'true'], 3, '[E_EMULATOR_DOWN]'],
    [['env'], 3, '[E_EMULATOR_DOWN]'],
    [['down'], 0, 'No emulator runs for'],
    [['secret', 'set', 'BAD-NAME=x'], 1, '[E_SECRET_NAME]'],
    [['secret', 'unset', 'NONE'], 1, 'No secret NONE is set.'],
  ])('%j exits %i and says %j', async (args, code, text) => {
    const result = await cli(...args);
    expect(result.stderr).toContain(text);
    expect(result.code).toBe(code);
  });

  test('a broken configuration names file and line, and starts nothing', async () => {
    write('windtunnel.jsonc', '{\n  "prot": 1\n}');
    const { code, stderr } = await cli('up');
    expect(stderr).toContain(`${workspace}/windtunnel.jsonc:2: unknown key "prot" [E_CONFIG_INVALID]`);
    expect(code).toBe(1);
  });
});

describe('without an emulator', () => {
  test('secrets: set from arguments and stdin, listed by name, unset', async () => {
    expect((await cli('secret', 'set', 'A=hunter2-hunter2')).code).toBe(0);
    expect((await start(['secret', 'set', 'B'], 'from-stdin\n').result).code).toBe(0);
    const { stdout } = await cli('secret', 'list', '--json');
    expect(JSON.parse(stdout).secrets.map((s: { name: string }) => s.name)).toEqual(['A', 'B']);
    expect(stdout).not.toContain('hunter2');
    expect((await cli('secret', 'unset', 'A', 'B')).code).toBe(0);
    expect((await cli('secret', 'list')).stderr).toContain('No secrets are set.');
  });

  test('doctor tells each state with its reason', async () => {
    const { stdout } = await cli('doctor', '--json');
    const checks = JSON.parse(stdout).checks as { name: string; state: string; reason: string }[];
    const names = ['python', 'uv', 'docker', 'gpu', 'config', 'emulator', 'port', 'certificates', '/data', 'proxy'];
    expect(checks.map(({ name }) => name)).toEqual(names);
    for (const check of checks) expect(check.reason, check.name).not.toBe('');
  });
});

describe('the emulator by itself', () => {
  test('up, a second up, ps, exec, env, down; nothing is left', async () => {
    const [first, second] = await Promise.all([cli('up', '--port', '0', '--json'), cli('up', '--port', '0', '--json')]);
    expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0]);
    const { url, pid } = JSON.parse(first.stdout);
    expect(JSON.parse(second.stdout)).toEqual(JSON.parse(first.stdout));
    expect((await fetch(`${url}/health`)).status).toBe(200);

    const status = JSON.parse((await cli('ps', '--json')).stdout);
    expect(status).toMatchObject({ pid, url, workspace, apps: [] });
    expect((await cli('ps')).stdout).toContain('no apps');
    expect((await cli('logs', 'nobody')).stderr).toContain('[E_UNKNOWN_APP]');

    const variables = await cli('exec', '--', process.execPath, '-p', 'process.env.FAL_KEY + process.env.HTTPS_PROXY');
    expect(variables.stdout).toMatch(/^local:[0-9a-f]{48}http:\/\/wt:[0-9a-f]{48}@127\.0\.0\.1:\d+\n$/);
    expect((await cli('exec', '--', process.execPath, '-e', 'process.exit(7)')).code).toBe(7);
    expect((await cli('exec', '--', process.execPath, '-e', 'process.kill(process.pid)')).code).toBe(128 + 15);
    expect((await cli('exec', '--', './no-such-program')).code).toBe(2);
    expect(JSON.parse((await cli('env', '--json')).stdout)).toHaveProperty('SSL_CERT_FILE');
    expect((await cli('env')).stdout).toMatch(/^export FAL_KEY='local:/m);
    const moved1 = await cli('up', '--port', '1');
    expect(moved1.stderr).toMatch(/runs already, at http:\/\/127\.0\.0\.1:\d+[\s\S]*E_PORT_TAKEN[\s\S]*fix: /);
    expect(moved1.code).toBe(3);
    expect((await cli('up', '--port', new URL(url).port)).code).toBe(0);

    const call = await cli('call', 'local/nothing');
    expect(call.stderr).toContain('the answer was 404');
    expect(call.code).toBe(1);
    expect((await cli('clean', '--state', '--yes')).stderr).toContain('An emulator runs and uses this');

    expect((await cli('down')).code).toBe(0);
    expect(processStart(pid)).toBeNull();
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  }, 120_000);

  test('env prints no secret of the shell, and the shell that applied it finds its way back', async () => {
    env.FAL_KEY = 'real-id:real-secret';
    env.HTTP_PROXY = '';
    env.HTTPS_PROXY = 'http://corp:proxy-password@127.0.0.1:9';
    expect((await cli('up', '--port', '0')).code).toBe(0);
    for (const form of ['--shell', '--json']) {
      const { stdout } = await cli('env', form);
      const decoded = stdout.replace(/[A-Za-z0-9+/=]{16,}/g, (text) => Buffer.from(text, 'base64').toString('latin1'));
      for (const secret of ['real-secret', 'proxy-password']) expect(stdout + decoded).not.toContain(secret);
    }
    const changes: Record<string, string | null> = JSON.parse((await cli('env', '--json')).stdout);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) delete env[name];
      else env[name] = value;
    }
    const original = originalEnv(env);
    expect(original.FAL_KEY).toBe('real-id:real-secret');
    expect(original.HTTPS_PROXY).toBe('http://corp:proxy-password@127.0.0.1:9');
    expect(Object.keys(original).filter((name) => /WINDTUNNEL_(ORIGINAL|PORT)/.test(name))).toEqual([]);
  }, 120_000);

  test('where every call needs a key, call brings one', async () => {
    write('windtunnel.jsonc', '{ "requireKey": true }');
    const { url } = JSON.parse((await cli('up', '--port', '0', '--json')).stdout);
    expect((await fetch(`${url}/queue/local/nothing`, { method: 'POST', body: '{}' })).status).toBe(401);
    for (const how of [[], ['--direct'], ['--stream']]) {
      expect((await cli('call', 'local/nothing', ...how)).stderr).toContain('the answer was 404');
    }
  }, 120_000);

  test('killed -9: it is found to be gone, and the next one starts clean', async () => {
    const { pid } = JSON.parse((await cli('up', '--port', '0', '--json')).stdout);
    process.kill(pid, 'SIGKILL');
    const { code, stderr } = await cli('ps');
    expect(stderr).toContain('[E_EMULATOR_DOWN]');
    expect(code).toBe(3);
    expect((await cli('up', '--port', '0')).code).toBe(0);
    await cli('down');
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  }, 120_000);

  test('a port that was asked for and is taken is an error; state can be moved aside', async () => {
    const { url } = JSON.parse((await cli('up', '--port', '0', '--json')).stdout);
    const other = join(folder, 'other');
    mkdirSync(other);
    const taken = await cli('up', '--port', new URL(url).port, '--workspace', other);
    expect(taken.stderr).toContain('[E_PORT_TAKEN]');
    expect(taken.code).toBe(3);
    await cli('down');
    const moved = await cli('clean', '--state', '--yes');
    expect(moved.stderr).toContain('Moved aside: state of this workspace');
    expect(moved.code).toBe(0);
  }, 120_000);
});

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES } from '../../emulator/import/testing/fixtures.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { pythonWith, testPython } from '../support/python.ts';

// Each converted app runs in the emulator and is called by the official client; its source runs in its platform's own
// server. Both get the same inputs. None of them needs a package.
const INPUTS: Record<string, unknown[]> = {
  'cog/streaming': [{ text: 'a b c' }, { text: 'one two three', limit: 2, form: 'upper' }],
  'cog/basic': [{}, { name: 'Ada', times: 2, loud: true, tone: 'warm' }],
  'cog/concurrent': [{}, { total: 3 }],
  'cog/model-output': [{ words: ['fal', 'wind'] }, { words: ['a', 'bb'], mode: 'first' }],
  'runpod/model-load': [{ text: 'why?' }],
  'runpod/generator': [{ up_to: 3 }],
  'runpod/required-error': [{ number: 104 }, { number: 7 }],
  'runpod/async': [{ x: 1 }],
  'runpod/plain': [{}, { name: 'Ada' }],
  'runpod/async-generator': [{ text: 'a b c' }],
};
const CLIENT = `import json, sys, fal_client
print(json.dumps([[fal_client.subscribe("local/" + name, arguments=one) for one in inputs]
                  for name, inputs in json.loads(sys.argv[1])]))
`;

let emulator: EmulatorUnderTest;
let platforms: string;
const answers = new Map<string, unknown[]>();
const children: ChildProcess[] = [];
const names = Object.keys(INPUTS);
const appName = (name: string) => name.replace('/', '-');

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
  platforms = await pythonWith(path.join(import.meta.dirname, 'originals.txt'));
  for (const name of names) {
    cpSync(path.join(FIXTURES, name, 'source'), path.join(emulator.workspace, appName(name)), { recursive: true });
    const imported = await emulator.cli('import', appName(name), '--out', `${appName(name)}-fal`);
    const entry = /^next: windtunnel run (.*)$/m.exec(imported.stdout)?.[1];
    if (entry === undefined) throw new Error(`${name} was not imported: ${imported.stdout}${imported.stderr}`);
    await emulator.run(path.relative(emulator.workspace, entry));
  }
  writeFileSync(path.join(emulator.workspace, 'client.py'), CLIENT);
  const plan = JSON.stringify(names.map((name) => [appName(name), INPUTS[name]]));
  const client = await emulator.exec(await testPython(), ['client.py', plan]);
  expect(client.code, client.stderr).toBe(0);
  const all = JSON.parse(client.stdout) as unknown[][];
  for (const [index, name] of names.entries()) answers.set(name, all[index]!);
}, 1_200_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await emulator?.dispose();
});

/** A server of a platform on a free port; resolves when `ready` answers as it should. */
async function serve(
  args: (port: number) => string[],
  env: Record<string, string>,
  cwd: string,
  ready: (url: string) => Promise<boolean>,
) {
  const port = await freePort();
  const bin = path.dirname(platforms);
  const child = spawn(platforms, args(port), {
    cwd,
    env: { ...process.env, ...env, PORT: String(port), PATH: `${bin}:${process.env.PATH}` },
    stdio: 'ignore',
  });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  await expect.poll(() => ready(url).catch(() => false), { timeout: 120_000, interval: 200 }).toBe(true);
  return { url, stop: () => child.kill('SIGTERM') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await reply.json()) as Record<string, unknown>;
}

const SYMBOLS: Record<string, string> = { 'model-output': 'Longer' };

describe.each(names.filter((name) => name.startsWith('cog/')))('%s', (name) => {
  it("answers as Cog's own HTTP server", async () => {
    const symbol = SYMBOLS[name.split('/')[1]!] ?? 'Predictor';
    const source = path.join(emulator.workspace, appName(name));
    const args = () => ['-m', 'cog.server.http', '--host', '127.0.0.1'];
    const server = await serve(args, { COG_PREDICT_TYPE_STUB: `predict.py:${symbol}` }, source, async (url) => {
      const health = (await (await fetch(`${url}/health-check`)).json()) as { status: string };
      return health.status === 'READY';
    });
    for (const [index, input] of INPUTS[name]!.entries()) {
      let reply: Record<string, unknown> = {};
      // It serves one at a time, and refuses another before it is done with the last.
      const status = async () => {
        reply = await post(`${server.url}/predictions`, { input });
        return reply.status;
      };
      await expect.poll(status, { timeout: 60_000, interval: 200 }).toBe('succeeded');
      const { output } = reply;
      const answer = answers.get(name)![index] as { output?: unknown };
      // A text in pieces is a list there and the whole text here.
      const joined = typeof answer.output === 'string' && Array.isArray(output) ? output.join('') : output;
      expect('output' in answer ? answer.output : answer).toEqual(joined);
    }
    server.stop();
  }, 180_000);
});

it.each(['', '/stream'])(
  'a value that is none of the computed choices of a Cog input is refused, at «%s»',
  async (at) => {
    const input = JSON.stringify({ text: 'a b', form: 'lower' });
    const { code, stdout, stderr } = await emulator.cli(
      'call',
      `local/cog-streaming${at}`,
      '--direct',
      '--input',
      input,
    );
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("form must be one of ['str', 'upper']");
  },
);

describe.each(names.filter((name) => name.startsWith('runpod/')))('%s', (name) => {
  it("answers as runpod's own local server", async () => {
    const source = path.join(emulator.workspace, appName(name));
    const entry = name === 'runpod/required-error' ? 'worker.py' : 'handler.py';
    const args = (port: number) => [
      entry,
      '--rp_serve_api',
      '--rp_api_host',
      '127.0.0.1',
      '--rp_api_port',
      String(port),
    ];
    const server = await serve(args, {}, source, async (url) => (await fetch(`${url}/docs`)).status < 500);
    for (const [index, input] of INPUTS[name]!.entries()) {
      const { status, output } = await post(`${server.url}/runsync`, { input });
      expect(status).toBe('COMPLETED');
      expect(answers.get(name)![index]).toEqual(withoutRefresh(output));
    }
    server.stop();
  }, 180_000);
});

/** The local server leaves in the result what the platform takes out. */
function withoutRefresh(output: unknown): unknown {
  if (typeof output !== 'object' || output === null || !('refresh_worker' in output)) return output;
  const { refresh_worker: _taken, ...rest } = output;
  return rest;
}

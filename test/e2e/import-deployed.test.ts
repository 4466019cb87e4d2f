import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fal, falJson } from '../control-plane/fal-cli.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';

// Scale settings of imported apps, as `fal deploy` takes them and as the emulator acts on them.
const FLOCK = `from runpod_flash import Endpoint, NetworkVolume


@Endpoint(
    name="flock",
    workers=(1, 3),
    idle_timeout=90,
    execution_timeout_ms=240500,
    max_concurrency=2,
    volume=NetworkVolume(name="nests", size=1),
    env={"BIRD": "wren"},
)
class Flock:
    def __init__(self):
        import asyncio

        self.there = []
        self.both = asyncio.Event()

    async def meet(self, name: str) -> dict:
        import os

        self.there.append(name)
        if len(self.there) == 2:
            with open("/runpod-volume/met.txt", "a") as file:
                file.write(" ".join(sorted(self.there)) + "\\n")
            self.both.set()
        await self.both.wait()
        with open("/runpod-volume/met.txt") as file:
            return {"bird": os.environ["BIRD"], "met": file.read()}
`;
const BRIEF = `from runpod_flash import Endpoint


@Endpoint(name="brief", workers=1, idle_timeout=1)
async def brief(name: str) -> dict:
    return {"hello": name}
`;
// Two jobs wait for each other, so that both runners are there when the third is queued.
const PAIR = `from runpod_flash import Endpoint, NetworkVolume


@Endpoint(name="pair", workers=2, volume=NetworkVolume(name="pairs", size=1))
async def pair(name: str) -> dict:
    import asyncio
    import os

    with open("/runpod-volume/pair.txt", "a") as file:
        file.write(name + "\\n")
    while True:
        with open("/runpod-volume/pair.txt") as file:
            if len(file.read().splitlines()) >= 2:
                return {"process": os.getpid()}
        await asyncio.sleep(0.01)
`;
const QUEUE = `import asyncio

import runpod

there = []


async def handler(job):
    there.append(job["input"]["name"])
    runpod.serverless.progress_update(job, f"{job['input']['name']} is there")
    while len(there) < 2:
        await asyncio.sleep(0.01)
    return sorted(there)


runpod.serverless.start({"handler": handler, "concurrency_modifier": lambda current: 2})
`;
const SWIFTS = `import modal

app = modal.App("swifts")


@app.function(max_containers=4, scaledown_window=75, timeout=240)
def count(names: list[str]) -> int:
    return len(names)
`;

let emulator: EmulatorUnderTest;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
  const files = {
    'flock/flock.py': FLOCK,
    'brief/brief.py': BRIEF,
    'pair/pair.py': PAIR,
    'meeting/handler.py': QUEUE,
    'swifts/swifts.py': SWIFTS,
    'swifts/deploy.sh': 'set -e\ncd "$(dirname "$0")"\nmodal deploy swifts.py\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(emulator.workspace, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(emulator.workspace, name), text);
  }
}, 180_000);
afterAll(() => emulator?.dispose());

async function imported(name: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await emulator.cli('import', name, ...flags);
  expect(code, stdout + stderr).toBe(0);
  return path.relative(emulator.workspace, /^next: windtunnel run (.*)$/m.exec(stdout)?.[1] ?? '');
}

const runnersOf = async (alias: string) => {
  const { apps } = await emulator.client.status();
  return apps.find(({ id }) => id === `local/${alias}`)?.runners.filter(({ state }) => state !== 'TERMINATED');
};

const listed = async (alias: string) =>
  ((await falJson(emulator, 'apps', 'list')).apps as Record<string, unknown>[]).find((app) => app.alias === alias);

async function call(app: string, input: object): Promise<unknown> {
  const answer = await emulator.cli('call', app, '--input', JSON.stringify(input));
  expect(answer.code, answer.stderr).toBe(0);
  return JSON.parse(answer.stdout);
}

it('RunPod workers, idle timeout, concurrency, execution timeout, volume and variables are those of the deployed app', async () => {
  await fal(emulator, 'deploy', await imported('flock'));
  expect(await listed('flock')).toMatchObject({
    min_concurrency: 1,
    max_concurrency: 3,
    keep_alive: 90,
    max_multiplexing: 2,
    request_timeout: 241,
  });
  // One worker is up before anybody asks.
  await expect.poll(async () => (await runnersOf('flock'))?.map(({ state }) => state)).toEqual(['IDLE']);
  // Each waits for the other, in the same runner.
  const answers = await Promise.all(['ann', 'bob'].map((name) => call('local/flock', { name })));
  expect(answers).toEqual(Array(2).fill({ bird: 'wren', met: 'ann bob\n' }));
  expect(await runnersOf('flock')).toHaveLength(1);
  await fal(emulator, 'apps', 'scale', 'flock', '--max-concurrency', '5', '--keep-alive', '30');
  expect(await listed('flock')).toMatchObject({ min_concurrency: 1, max_concurrency: 5, keep_alive: 30 });
}, 600_000);

it('a worker ends after its idle timeout', async () => {
  await fal(emulator, 'deploy', await imported('brief'));
  expect(await call('local/brief', { name: 'wren' })).toEqual({ hello: 'wren' });
  await expect.poll(() => runnersOf('brief')).toEqual([]);
}, 600_000);

it('no more runners than RunPod had workers, however many jobs wait', async () => {
  await fal(emulator, 'deploy', await imported('pair'));
  const answers = await Promise.all(['ann', 'bob', 'cid'].map((name) => call('local/pair', { name })));
  const processes = answers.map((answer) => (answer as { process: number }).process);
  expect(new Set(processes).size).toBe(2);
  // Nor was a third one started that had nothing to do any more.
  const { apps } = await emulator.client.status();
  expect(apps.find(({ id }) => id === 'local/pair')?.runners).toHaveLength(2);
}, 600_000);

it('concurrency_modifier and progress_update of a RunPod handler: two jobs in one runner, each with its own progress', async () => {
  await fal(emulator, 'deploy', await imported('meeting'));
  expect(await listed('meeting')).toMatchObject({ max_multiplexing: 2 });
  const answers = await Promise.all(
    ['ann', 'bob'].map((name) => emulator.cli('call', 'local/meeting', '--logs', '--input', JSON.stringify({ name }))),
  );
  for (const [index, { code, stdout, stderr }] of answers.entries()) {
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(['ann', 'bob']);
    const [own, other] = index === 0 ? ['ann', 'bob'] : ['bob', 'ann'];
    expect(stderr).toContain(`progress: ${own} is there`);
    expect(stderr).not.toContain(`progress: ${other} is there`);
  }
}, 600_000);

it('`modal deploy` of a script is a deployment with fal, with the scale of the function', async () => {
  await imported('swifts', '--client', 'all');
  const { code, stdout, stderr } = await emulator.exec('sh', ['swifts-fal/deploy.sh']);
  expect(code, stdout + stderr).toBe(0);
  expect(await listed('swifts')).toMatchObject({ max_concurrency: 4, keep_alive: 75, request_timeout: 240 });
  expect(await call('local/swifts', { names: ['ann', 'bob'] })).toEqual({ result: 2 });
}, 600_000);

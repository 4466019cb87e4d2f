import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmulatorUnderTest } from '../support/emulator.ts';

const APP = path.join(import.meta.dirname, 'apps/echo.py');
const BODY = JSON.stringify({ prompt: 'a cat on a wall' });

/** Seconds of one round, on the same machine one after the other. */
export interface DeployRound {
  /** `fal run --local` to its first answer: no emulator. */
  local: number;
  /** `windtunnel exec -- fal deploy` under a new name, its environment cached, to the end of the command. */
  deploy: number;
  /** The same to the first answer. */
  answer: number;
}

/** Deploying the trivial app beside running it by the SDK alone. */
export async function benchDeploy(rounds: number): Promise<DeployRound[]> {
  const emulator = await EmulatorUnderTest.start([APP]);
  try {
    await deployRound(emulator, 'echo');
    const figures: DeployRound[] = [];
    for (let round = 0; round < rounds; round++) {
      const local = await localRound(emulator);
      const figure = { local, ...(await deployRound(emulator, `echo-${round}`)) };
      console.log(`deploy to first answer: ${JSON.stringify(figure)}`);
      figures.push(figure);
    }
    return figures;
  } finally {
    await emulator.dispose();
  }
}

async function localRound(emulator: EmulatorUnderTest): Promise<number> {
  const [port, metrics] = [await freePort(), await freePort()];
  const begun = performance.now();
  const ports = ['--exposed-port', String(port), '--exposed-metrics-port', String(metrics)];
  const child = spawn('fal', ['run', '--local', 'echo.py::Echo', ...ports], {
    cwd: emulator.workspace,
    env: emulator.env,
    stdio: 'ignore',
  });
  try {
    await firstAnswer(`http://127.0.0.1:${port}/`, child);
    return (performance.now() - begun) / 1000;
  } finally {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }
}

async function deployRound(emulator: EmulatorUnderTest, name: string): Promise<Omit<DeployRound, 'local'>> {
  const begun = performance.now();
  const { code, stdout, stderr } = await emulator.exec('fal', ['deploy', 'echo.py::Echo', '--app-name', name]);
  if (code !== 0) throw new Error(`fal deploy ended with ${code}:\n${stdout}${stderr}`);
  const deploy = (performance.now() - begun) / 1000;
  await firstAnswer(`${emulator.url}/run/local/${name}`, null);
  const answer = (performance.now() - begun) / 1000;
  // The next round has the machine for itself.
  const { apps } = await emulator.client.status();
  for (const { id } of apps.flatMap((app) => app.runners)) await emulator.client.stopRunner(id, 0);
  while ((await emulator.client.status()).apps.some((app) => app.runners.length > 0)) await sleep(20);
  return { deploy, answer };
}

async function firstAnswer(url: string, server: ChildProcess | null): Promise<void> {
  for (;;) {
    const answered = await fetch(url, {
      method: 'POST',
      body: BODY,
      headers: { 'content-type': 'application/json' },
    }).then(
      (response) => response.text(),
      () => '', // Nobody listens yet.
    );
    if (answered === BODY) return;
    if (server && server.exitCode !== null) throw new Error(`The server ended with ${server.exitCode}.`);
    await sleep(5);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

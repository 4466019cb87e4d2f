// `npm run canary [-- ITEM…]`: the items of J and P with the newest published clients, which are installed outside the repository. Warns
// and never fails: a release of fal's is news, not a defect of this commit.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { basePython } from '../support/python.ts';
import { appsOf, ITEMS } from './items.ts';
import { type CaseProgram, runCase } from './run-case.ts';

const execute = promisify(execFile);
const PYTHON_PACKAGES = ['fal', 'fal-client', 'pillow', 'uv'];
const NEWEST = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'windtunnel-test', 'canary');
const only = process.argv.slice(2).map(Number);
// Cases that use parts of this repository beside the client do not run outside of it.
const wanted = ITEMS.filter((item) => !item.withRepository && (only.length === 0 || only.includes(item.number)));
let warnings = 0;

try {
  const clients = { J: await newestNode(), P: await newestPython() };
  // Apps run with the newest fal as well: the emulator takes it from the first Python on its PATH.
  process.env.WINDTUNNEL_TEST_PYTHON = clients.P.command;
  const emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')]);
  try {
    await Promise.all(
      [...new Set(wanted.flatMap(({ number }) => appsOf(number)))].map((app) => emulator.register(app)),
    );
    for (const client of ['J', 'P'] as const) {
      for (const { number, title } of wanted.filter((item) => item.clients.includes(client))) {
        await runCase(emulator, clients[client], number).catch((error: Error) =>
          warn(`#${number} ${client}: ${title}\n${error.message}`),
        );
      }
    }
  } finally {
    await emulator.dispose();
  }
} catch (error) {
  warn(error instanceof Error ? error.message : String(error));
}
console.log(warnings === 0 ? 'The newest clients pass.' : `${warnings} warnings; nothing fails because of them.`);

function warn(text: string): void {
  warnings += 1;
  const [first = '', ...rest] = text.trim().split('\n');
  console.log(`WARN ${first}`);
  for (const line of rest) console.log(`     ${line}`);
}

async function newestPython(): Promise<CaseProgram> {
  const venv = path.join(NEWEST, 'venv');
  const python = path.join(venv, 'bin/python');
  await execute(await basePython(), ['-m', 'venv', venv]);
  await execute(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', ...PYTHON_PACKAGES]);
  const names = ['fal', 'fal-client'];
  const ask = `from importlib.metadata import version; print(*(f"{n} {version(n)}" for n in ${JSON.stringify(names)}))`;
  console.log((await execute(python, ['-c', ask])).stdout.trim());
  return { command: python, script: path.join(import.meta.dirname, 'py/run.py') };
}

/** The cases import the client by name: they run from a folder beside its node_modules. */
async function newestNode(): Promise<CaseProgram> {
  const folder = path.join(NEWEST, 'node');
  mkdirSync(folder, { recursive: true });
  await execute('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, '@fal-ai/client@latest']);
  cpSync(path.join(import.meta.dirname, 'js'), path.join(folder, 'js'), { recursive: true });
  const manifest = readFileSync(path.join(folder, 'node_modules/@fal-ai/client/package.json'), 'utf8');
  const { version }: { version: string } = JSON.parse(manifest);
  console.log(`@fal-ai/client ${version}`);
  return { command: process.execPath, script: path.join(folder, 'js/run.mjs') };
}

// `npm run bench:editor [-- --json FILE]`: what a user of the editor waits for, in a real extension host: its activation, and F5 on
// an example with a warm environment, by the process engine, to the first breakpoint that is bound, and to the first stop.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { runHostTests } from '../vscode/support/run-host-tests.ts';
import { whichCode } from '../vscode/support/which-code.ts';

/** Milliseconds from F5. */
export interface F5Round {
  /** The debugger took a breakpoint. */
  boundMs: number;
  /** It stopped there, in `setup`. */
  stoppedMs: number;
  /** Of these the import of the app, and with it of `fal`, under the debugger. */
  importMs: number;
}

export interface EditorFigures {
  activation: { loadMs: number; activateMs: number; started: string[] };
  /** The first one starts the emulator as well. */
  f5: F5Round[];
}

// The stand-in for `code` says `env node`: that of the project.
process.env.PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
const { values } = parseArgs({ options: { json: { type: 'string' } } });
const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'wt-editor-bench-'));
const emulator = await EmulatorUnderTest.start([path.join(root, 'examples/pixels')]);
try {
  console.log(`load average ${(loadavg()[0] ?? 0).toFixed(2)} at the start`);
  // The environments of the app and of its debugger are there from here on.
  const warm = path.join(emulator.workspace, 'pixels/app.py');
  const request = { file: warm, symbol: null, as: null, engine: 'process', watch: false, debug: true } as const;
  const { app } = await emulator.client.run(request);
  const started = emulator.client.start(app.id);
  started.catch(() => undefined);
  const stream = await emulator.client.debug(app.id);
  stream.destroy();
  await emulator.client.remove(app.id);
  await emulator.stop();
  const out = path.join(folder, 'figures.json');
  const results = await runHostTests({
    workspace: emulator.workspace,
    code: whichCode(process.env, process.platform),
    version: 'newest',
    files: [path.join(import.meta.dirname, 'editor/editor.mocha.ts')],
    env: { ...emulator.env, WINDTUNNEL_BENCH_FIGURES: out },
  });
  for (const { name, failure } of results) if (failure !== null) console.error(`${name}: ${failure}`);
  if (!existsSync(out)) throw new Error('The extension host measured nothing.');
  const figures = JSON.parse(readFileSync(out, 'utf8')) as EditorFigures;
  const met = report(figures);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  process.exitCode = met ? 0 : 1;
} finally {
  await emulator.dispose();
  rmSync(folder, { recursive: true, force: true });
}

function report({ activation, f5 }: EditorFigures): boolean {
  const median = (pick: (round: F5Round) => number) => {
    const sorted = f5.map(pick).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const rounds = (pick: (round: F5Round) => number) => f5.map((round) => Math.round(pick(round))).join(', ');
  const lines: [name: string, value: number, most: number | null, detail: string][] = [
    ['code of the extension is loaded, ms', activation.loadMs, null, ''],
    ['activate, ms', activation.activateMs, 50, ''],
    ['processes and connections that it starts', activation.started.length, 0, activation.started.join('; ')],
    ['F5 to the first bound breakpoint, ms', median((one) => one.boundMs), 3000, rounds((one) => one.boundMs)],
    ['F5 to the first stop, ms', median((one) => one.stoppedMs), null, rounds((one) => one.stoppedMs)],
    ['of it the import under the debugger, ms', median((one) => one.importMs), null, rounds((one) => one.importMs)],
  ];
  let met = true;
  for (const [name, value, most, detail] of lines) {
    const missed = most !== null && value > most;
    if (missed) met = false;
    const verdict = most === null ? '    ' : missed ? 'MISS' : 'pass';
    const wanted = most === null ? '' : `(≤ ${most})`;
    console.log(`${verdict}  ${name.padEnd(44)}${value.toFixed(0).padStart(7)} ${wanted.padEnd(9)} ${detail}`);
  }
  return met;
}

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'mocha';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../extension/main.ts';
import { until } from '../../vscode/host/conditions.ts';
import { watchStarts } from '../../vscode/host/watch-starts.ts';
import type { EditorFigures, F5Round } from '../editor-bench.ts';

const ROUNDS = Number(process.env.WINDTUNNEL_BENCH_ROUNDS ?? 5);
const figures: Partial<EditorFigures> = {};

const extension = () => vscode.extensions.getExtension<ExtensionApi>('windtunnel.windtunnel')!;

it('activates', async () => {
  const starts = watchStarts();
  if (extension().isActive) throw new Error('it was active before it was measured');
  // Loaded here, the module is in the cache; what VS Code takes from there to activate it tells how long that took.
  const main = path.join(extension().extensionPath, 'dist/extension.cjs');
  const begin = performance.now();
  const loaded = require(main) as { activate(context: vscode.ExtensionContext): ExtensionApi };
  const loadMs = performance.now() - begin;
  let activateMs = Number.NaN;
  const cached = require.cache[main];
  if (!cached) throw new Error('the extension is not in the cache of modules');
  cached.exports = {
    ...loaded,
    activate: (context: vscode.ExtensionContext) => {
      const called = performance.now();
      const api = loaded.activate(context);
      activateMs = performance.now() - called;
      return api;
    },
  };
  await extension().activate();
  figures.activation = { loadMs, activateMs, started: starts.end() };
});

it('debugs', async () => {
  const folder = vscode.workspace.workspaceFolders![0]!;
  const file = path.join(folder.uri.fsPath, 'pixels/app.py');
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((text) => /^ {8}\S/.test(text) && !text.includes('"""'));
  vscode.debug.addBreakpoints([
    new vscode.SourceBreakpoint(new vscode.Location(vscode.Uri.file(file), new vscode.Position(line, 0))),
  ]);
  const { emulators } = await extension().activate();
  let round: F5Round = { boundMs: 0, stoppedMs: 0, importMs: 0 };
  let begin = 0;
  let importing = 0;
  vscode.debug.registerDebugAdapterTrackerFactory('windtunnel', {
    createDebugAdapterTracker: () => ({
      onDidSendMessage: (message: {
        command?: string;
        event?: string;
        body?: { breakpoints?: { verified: boolean }[] };
      }) => {
        const bound =
          message.command === 'setBreakpoints' && message.body?.breakpoints?.some(({ verified }) => verified);
        if (bound && round.boundMs === 0) round.boundMs = performance.now() - begin;
        if (message.event === 'stopped' && round.stoppedMs === 0) round.stoppedMs = performance.now() - begin;
      },
    }),
  });
  emulators.onEvent(({ event, replayed }) => {
    if (replayed || event.type !== 'runner.state') return;
    if (event.phase === 'importing') importing = event.at;
    if (event.phase === 'setup') round.importMs = event.at - importing;
  });
  const rounds: F5Round[] = [];
  for (let count = 0; count < ROUNDS; count += 1) {
    round = { boundMs: 0, stoppedMs: 0, importMs: 0 };
    begin = performance.now();
    await vscode.debug.startDebugging(folder, { type: 'windtunnel', request: 'launch', name: 'bench', file });
    await until('the stop', () => round.stoppedMs > 0);
    rounds.push(round);
    await vscode.debug.stopDebugging();
    await until('the end of the session', () => vscode.debug.activeDebugSession === undefined);
    await until('the end of the app', () => emulators.all.every(({ status }) => (status?.apps.length ?? 0) === 0));
  }
  figures.f5 = rounds;
  await emulators.of(file).shutdown();
  writeFileSync(process.env.WINDTUNNEL_BENCH_FIGURES ?? '', JSON.stringify(figures));
}).timeout(600_000);

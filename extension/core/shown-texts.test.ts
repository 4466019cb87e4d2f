import { config } from '@vscode/l10n';
import { afterEach, describe, expect, it } from 'vitest';
import type { AppStatus, Holdings, Status } from '../../emulator/contract/index.ts';
import { appSummary, requestLook, requestLookText, runnerSummary } from './app-tree.ts';
import type { LiveRequest } from './live-requests.ts';
import { fieldHints } from './playground/field-hints.ts';
import { machineText } from './python-editing.ts';
import { deployedRows, doctorRows, type Row, remoteRows, spokenRow } from './row.ts';
import { startStep } from './start-step.ts';

type Runner = AppStatus['runners'][number];

const runner = (state: Runner['state']): Runner => ({
  ...({} as Runner),
  id: 'r1-long-id',
  state,
  phase: state === 'SETUP' ? 'importing' : null,
  inFlight: 1,
  slots: 4,
  memoryBytes: null,
  gpus: ['0'],
});
const deployed = (...runners: Runner[]): AppStatus =>
  ({
    id: 'local/a',
    file: '(deployed)',
    revision: 'v1',
    engine: 'process',
    queued: 2,
    running: 1,
    lastError: null,
    runners,
  }) as unknown as AppStatus;
const request = (state: LiveRequest['state'], status: number | null): LiveRequest => ({
  ...{ id: 'q1', app: 'local/a', path: '/', kind: 'queued', attempt: 1, runner: null, at: 0 },
  ...{ state, status, seconds: null },
});
const rowsOf = (app: AppStatus, requests: LiveRequest[] = []): Row[] =>
  deployedRows({ apps: [app] } as unknown as Status, '/w', () => requests);
const spoken = (rows: readonly Row[] = []): string[] => rows.map(spokenRow);

const holdings: Holdings = {
  account: { profile: null, team: null, key: 'FAL_KEY', host: 'fal', runHost: 'fal.run', config: '' },
  user: 'acme',
  apps: [
    {
      ...{ alias: 'a', revision: 'new', auth: 'private', machines: ['S'], runners: [] },
      revisions: [
        { id: 'new', createdAt: '2026-11-02T10:00:00Z' },
        { id: 'old', createdAt: '2026-11-01T10:00:00Z' },
      ],
    },
  ],
  secrets: ['HF_TOKEN'],
};

describe('what a screen reader says of a row', () => {
  it('has the outcome of each check, which the icon alone shows, and what mends it', () => {
    const rows = doctorRows([
      { name: 'python', state: 'ok', reason: '3.11', fix: null },
      { name: 'docker', state: 'warn', reason: 'down', fix: 'Start it' },
      { name: 'port', state: 'fail', reason: 'taken', fix: null },
    ]);
    expect(spoken(rows)).toEqual(['python, passed, 3.11', 'docker, warning, down', 'port, failed, taken']);
    expect(spoken(rows[1]?.children)).toEqual(['Start it, what mends it']);
  });

  it('has the state of an app, its runners and its requests', () => {
    const [app] = rowsOf(deployed(runner('RUNNING')), [
      request('IN_QUEUE', null),
      request('IN_PROGRESS', null),
      request('COMPLETED', 200),
      request('COMPLETED', 500),
    ]);
    expect(spoken(app ? [app] : [])).toEqual(['local/a, working, 2 queued, 1 running']);
    expect(spoken(app?.children)).toEqual([
      'v1, revision, process',
      'r1-long-, runner, RUNNING 1/4, GPU 0',
      'q1 /, request, queued, IN_QUEUE',
      'q1 /, request, working, IN_PROGRESS',
      'q1 /, request, done, 200',
      'q1 /, request, failed, 500',
    ]);
    const states = [rowsOf(deployed()), rowsOf(deployed(runner('IDLE'))), rowsOf(deployed(runner('SETUP')))].flat();
    expect(states.map(({ iconText }) => iconText)).toEqual(['served, no runner alive', 'ready', 'starting']);
  });

  it('has what is held at fal, and which revision serves', () => {
    const [account, app, secrets] = remoteRows(holdings);
    expect(spoken(account && app && secrets ? [account, app, secrets] : [])).toEqual([
      'acme, account, fal',
      'acme/a, app at fal, S, private, 0 runners',
      'Secrets, 1',
    ]);
    expect(spoken(app?.children)).toEqual([
      'new, revision, serves, 2026-11-02 10:00',
      'old, earlier revision, 2026-11-01 10:00',
    ]);
    expect(spoken(secrets?.children)).toEqual(['HF_TOKEN, secret']);
  });
});

describe('texts that the core makes', () => {
  afterEach(() => config({ contents: {} }));

  it('are those of the bundle of the editor', () => {
    config({
      contents: {
        '{0} running': '{0} laufen',
        '{0} queued': '{0} warten',
        '1 runner': '1 Läufer',
        importing: 'lädt',
        done: 'fertig',
        'at most {0} MiB': 'höchstens {0} MiB',
        width: 'Breite',
        '{0} at least {1}': '{0} mindestens {1}',
        '{0} {1} to {2}': '{0} {1} bis {2}',
        fps: 'Bilder/s',
        'This machine has {0} CPUs and {1} GB of memory.': 'Hier: {0} CPUs, {1} GB.',
      },
    });
    const app = deployed(runner('SETUP'));
    expect(appSummary({ live: app })).toBe('1 laufen · 2 warten · 1 Läufer');
    expect(runnerSummary(runner('SETUP'))).toBe('SETUP (lädt) 1/4 · GPU 0');
    expect(requestLookText(requestLook(request('COMPLETED', 200)))).toBe('fertig');
    const started = { type: 'runner.state', at: 1, app: 'local/a', runner: 'x', state: 'SETUP', reason: '' } as const;
    expect(startStep({ ...started, phase: 'importing' })).toBe('lädt');
    expect(machineText('GPU-H100', { memoryBytes: 16e9, cpus: 8, gpus: null })).toMatch(/Hier: 8 CPUs, 16 GB\./);
    const limited = { max_file_size: 5 * 2 ** 20, min_width: 64, min_fps: 8, max_fps: 30 };
    const photo = { type: 'string', ui: { field: 'image' }, 'x-fal': limited };
    const [hint] = fieldHints({ type: 'object', properties: { photo } });
    expect(hint?.limits).toEqual(['höchstens 5 MiB', 'Breite mindestens 64 px', 'Bilder/s 8 bis 30']);
  });
});

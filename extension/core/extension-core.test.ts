import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  AppSettingsSchema,
  type AppStatus,
  type EmulatorEvent,
  type FoundApp,
  type Status,
} from '../../emulator/contract/index.ts';
import { appAtLine } from './app-target.ts';
import { appState, childNodes, type KnownApp, requestSummary, rootNodes } from './app-tree.ts';
import { clientCode } from './client-code.ts';
import { DapRewrite } from './dap-rewrite.ts';
import { planSummary, settingsText } from './deploy-plan.ts';
import { configurationAttributes, launchProblem } from './launch-config.ts';
import { KEPT_REQUESTS, LiveRequests } from './live-requests.ts';
import { deployedRows, doctorRows, remoteRows } from './row.ts';
import { runnerMemory } from './runner-memory.ts';
import { startStep } from './start-step.ts';
import { lastWords, ownFrame, sentFrame } from './traceback.ts';

const found = (symbol: string, file: string, start: number): FoundApp => ({
  file,
  symbol,
  kind: 'app',
  name: symbol.toLowerCase(),
  lines: { start, end: start + 9 },
  endpoints: [
    { path: '/', method: 'run', kind: 'http', healthCheck: false, lines: { start: start + 2, end: start + 4 } },
  ],
  settings: AppSettingsSchema.parse({}),
  unresolved: [],
});
const known = (symbol: string, file = '/w/app.py', start = 1): KnownApp => ({
  found: found(symbol, file, start),
  folder: null,
  relativePath: file.slice(3),
  live: null,
  requests: [],
});
const submitted = (request: string, at: number): EmulatorEvent => ({
  at,
  type: 'request.state',
  app: 'local/a',
  request,
  state: 'IN_QUEUE',
  attempt: 0,
  runner: null,
  path: '/',
  status: null,
  seconds: null,
  reason: '',
});

describe('the tree of apps', () => {
  it('is in the order of files and of places in them', () => {
    const apps = [known('C', '/w/b.py'), known('B', '/w/a.py', 40), known('A', '/w/a.py', 3)];
    expect(rootNodes(apps).map(({ app }) => app.found.symbol)).toEqual(['A', 'B', 'C']);
  });

  it('shows runners and requests only where there are any', () => {
    const [node] = rootNodes([known('A')]);
    expect(node && childNodes(node).map(({ kind }) => kind)).toEqual(['endpoint']);
    expect(node && appState(node.app)).toBe('stopped');
  });

  it('is filtered by a part of the name, of the path or of an endpoint', () => {
    const apps = [known('Painter', '/w/art/one.py'), known('Talker', '/w/two.py')];
    const symbols = (filter: string) => rootNodes(apps, filter).map(({ app }) => app.found.symbol);
    expect([symbols('PAINT'), symbols('two'), symbols('/'), symbols('none')]).toEqual([
      ['Painter'],
      ['Talker'],
      ['Painter', 'Talker'],
      [],
    ]);
  });

  it('has the app that a line stands in, else the only one', () => {
    const apps = [known('A', '/w/a.py', 1), known('B', '/w/a.py', 40)];
    expect(appAtLine(apps, 44)?.found.symbol).toBe('B');
    expect(appAtLine(apps, 30)).toBeNull();
    expect(appAtLine(apps.slice(0, 1), 30)?.found.symbol).toBe('A');
  });
});

describe('live requests', () => {
  it('keep their place as they change, newest first, and no more than fit', () => {
    const requests = new LiveRequests();
    for (let i = 0; i < KEPT_REQUESTS + 5; i += 1) requests.apply(submitted(`r${i}`, i));
    requests.apply({
      ...submitted('r10', 99),
      state: 'COMPLETED',
      attempt: 2,
      status: 500,
      seconds: 0.5,
    } as EmulatorEvent);
    const shown = requests.of('local/a');
    expect(shown).toHaveLength(KEPT_REQUESTS);
    expect(shown[0]?.id).toBe(`r${KEPT_REQUESTS + 4}`);
    const failed = shown.find(({ id }) => id === 'r10');
    expect(failed && requestSummary(failed)).toBe('500 · attempt 2 · 0.50 s');
  });

  it('have no place for what the playground asks for itself', () => {
    const requests = new LiveRequests();
    const call = { type: 'direct', at: 1, app: 'local/a', runner: 'x', status: 200, seconds: 0.1 } as const;
    requests.apply({ ...call, request: 'r1', path: '/openapi.json' });
    requests.apply({ ...call, request: 'r2', path: '/' });
    expect(requests.of('local/a').map(({ id }) => id)).toEqual(['r2']);
  });
});

describe('a step of a start', () => {
  it('is the last line of what the installer says, or the phase of a runner', () => {
    const said = (message: string) => startStep({ type: 'environment.progress', at: 1, app: 'local/a', message });
    expect(said('Collecting fal\n  Downloading fal\n')).toBe('Downloading fal');
    expect(said('\n')).toBeNull();
    const runner = { type: 'runner.state', at: 1, app: 'local/a', runner: 'x', state: 'SETUP', reason: '' } as const;
    expect(startStep({ ...runner, phase: 'importing' })).toBe('importing');
    expect(startStep({ ...runner, phase: null })).toBeNull();
  });
});

describe('a traceback', () => {
  const text = [
    'Traceback (most recent call last):',
    '  File "/w/app.py", line 12, in setup',
    '    load()',
    '  File "/w/models.py", line 3, in load',
    '    raise KeyError("x")',
    '  File "/w/.venv/lib/python3.11/site-packages/dep.py", line 1, in f',
    "KeyError: 'x'",
    '',
  ].join('\n');

  it('leads to the innermost line of the user', () => {
    expect(ownFrame(text, ['/w'])).toEqual({ file: '/w/models.py', line: 3 });
    expect(ownFrame(text, ['/other'])).toBeNull();
    expect(lastWords(text)).toBe("KeyError: 'x'");
  });

  it('from fal leads to the line of the app, whose frames name no file', () => {
    const source =
      'class App:\n    def setup(self):\n        self.load()\n\n    def load(self):\n        raise KeyError\n';
    const frames = (...all: [number, string][]) =>
      all.map(([line, name]) => `  File "<dynamic-code>", line ${line}, in ${name}`).join('\n');
    expect(sentFrame(frames([945, 'lifespan'], [3, 'setup'], [6, 'load']), source)).toBe(6);
    // What goes along with the app is not its source.
    expect(sentFrame(frames([3, 'setup'], [2, '_call_any_fn']), source)).toBe(3);
    expect(sentFrame(frames([945, 'lifespan'], [81, '_call_any_fn']), source)).toBeNull();
  });
});

describe('launch configurations', () => {
  it('name the attribute that is wrong', () => {
    const sound = { type: 'windtunnel', request: 'launch', name: 'x', file: '/w/app.py' };
    expect(launchProblem(sound)).toBeNull();
    expect(launchProblem({ ...sound, file: undefined })).toMatch(/^file: /);
    expect(launchProblem({ ...sound, engine: 'podman' })).toMatch(/^engine: /);
  });

  it('have in the manifest what the schema says', () => {
    const manifest = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(manifest.contributes.debuggers[0].configurationAttributes).toEqual(
      JSON.parse(JSON.stringify(configurationAttributes())),
    );
  });
});

describe('messages between editor and debug adapter', () => {
  const rewrite = new DapRewrite({ justMyCode: true, pathMappings: [], hidden: ['/dist/runner'] });

  it('come to the adapter as attach, and go back under the name that was asked for', () => {
    const sent = rewrite.toAdapter({ seq: 7, type: 'request', command: 'launch', arguments: { file: '/w/app.py' } });
    expect(sent).toMatchObject({ seq: 7, command: 'attach', arguments: { listen: { port: 0 } } });
    expect(
      rewrite.toEditor({ seq: 1, type: 'response', request_seq: 7, command: 'attach', success: true }),
    ).toMatchObject({
      command: 'launch',
    });
  });

  it('never let the debugger kill the app', () => {
    const sent = rewrite.toAdapter({
      seq: 8,
      type: 'request',
      command: 'disconnect',
      arguments: { terminateDebuggee: true },
    });
    expect(sent.arguments).toEqual({ terminateDebuggee: false });
  });
});

describe('client code', () => {
  const call = { app: 'local/a', path: '/x', url: 'http://127.0.0.1:8799', input: `{"text": "it's"}` } as const;

  it('is a command that a shell takes as it is', () => {
    expect(clientCode('curl', call)).toContain(`-d '{"text": "it'\\''s"}'`);
  });

  it('is what one would write for fal', () => {
    expect(clientCode('python', call)).toContain('fal_client.subscribe("local/a/x"');
    expect(clientCode('javascript', call)).toContain('fal.subscribe("local/a/x"');
  });
});

describe('rows of the other views', () => {
  const runner = {
    ...({} as AppStatus['runners'][number]),
    id: 'r1-long-id',
    state: 'IDLE',
    phase: null,
    inFlight: 0,
    slots: 1,
    memoryBytes: null,
    gpus: ['0'],
  } as const;
  const status = (file: string) =>
    ({
      id: 'local/a',
      file,
      revision: 'v1',
      engine: 'process',
      queued: 2,
      running: 0,
      lastError: null,
      runners: [runner],
    }) as unknown as AppStatus;
  const gpu = { id: '0', name: 'Card', vramBytes: 80e9, engines: [], runners: [] };

  it('show deployed apps alone, their revision, runners and requests, each with what commands need of it', () => {
    const all = { apps: [status('/w/app.py'), status('(deployed)')] } as unknown as Status;
    const rows = deployedRows(all, '/w', () => new LiveRequests().of('local/a'));
    expect(rows.map(({ label, description }) => [label, description])).toEqual([['local/a', '2 queued · 0 running']]);
    expect(rows[0]?.children?.map(({ label, description, at }) => [label, description, at])).toEqual([
      ['v1', 'process', undefined],
      ['r1-long-', 'IDLE · GPU 0', { workspace: '/w', runner: 'r1-long-id' }],
    ]);
  });

  it('mark the revision that serves at fal, and give names of secrets only', () => {
    const account = { profile: null, team: null, key: 'FAL_KEY', host: 'fal', runHost: 'fal.run', config: '' } as const;
    const revisions = [
      { id: 'new', createdAt: '2026-11-02T10:00:00Z' },
      { id: 'old', createdAt: '2026-11-01T10:00:00Z' },
    ];
    const apps = [{ alias: 'a', revision: 'old', auth: 'private', machines: ['S'], revisions, runners: [] }];
    const holdings = { account, user: 'acme', apps, secrets: ['HF_TOKEN'] };
    const [who, app, secrets] = remoteRows(holdings);
    expect(who?.description).toBe('fal');
    expect(remoteRows(holdings, 'staging')[0]?.description).toBe('fal · staging');
    expect(app).toMatchObject({
      label: 'acme/a',
      description: 'S · private · 0 runners',
      copy: 'https://fal.run/acme/a',
    });
    expect(app?.children?.map(({ description }) => description)).toEqual([
      '2026-11-02 10:00',
      'serves · 2026-11-01 10:00',
    ]);
    expect(secrets?.children?.map(({ label }) => label)).toEqual(['HF_TOKEN']);
  });

  it('put the fix below the check that needs it', () => {
    const rows = doctorRows([
      { name: 'python', state: 'ok', reason: '3.11', fix: null },
      { name: 'docker', state: 'warn', reason: 'down', fix: 'Start it' },
    ]);
    expect(rows.map(({ children }) => children?.map(({ label }) => label))).toEqual([undefined, ['Start it']]);
  });

  it('add up what a runner has of its GPUs, unknown where one is', () => {
    const apps = [{ runners: [{ ...runner, gpuMemoryBytes: 3e9 }] }] as unknown as Status['apps'];
    expect(runnerMemory({ apps, gpus: [gpu] })).toEqual([
      { id: runner.id, bytes: null, gpu: { ids: ['0'], used: 3e9, total: 80e9 } },
    ]);
    expect(runnerMemory({ apps, gpus: [] })[0]?.gpu).toEqual({ ids: ['0'], used: 3e9, total: null });
  });
});

describe('a deployment as the editor shows it', () => {
  const changes = [
    { what: 'machine', now: 'XS', after: 'GPU-H100', changes: true },
    { what: 'keep_alive', now: '10', after: '10', changes: false, note: 'the code says 300' },
    { what: 'auth', now: null, after: 'private', changes: true },
  ];

  it('has the settings of both sides for a diff', () => {
    expect(settingsText(changes, 'now')).toBe('machine: XS\nkeep_alive: 10\n');
    expect(settingsText(changes, 'after')).toBe(
      'machine: GPU-H100\n# the code says 300\nkeep_alive: 10\nauth: private\n',
    );
  });

  it('says in a line what changes, and of the first one that nothing is there', () => {
    expect(planSummary({ changes, code: ['app.py is new'] })).toEqual(['machine, auth', 'app.py is new']);
    expect(planSummary({ changes: [{ what: 'auth', now: null, after: 'private', changes: true }], code: null })).toBe(
      null,
    );
  });
});

import { expect, test } from 'vitest';
import { LOADED_APP } from '../test-support/loaded-app.ts';
import { codeChanges } from './code-record.ts';
import { annotationsOf, deploymentDiff } from './deployment-diff.ts';
import { dockerfileProblems } from './dockerfile-check.ts';
import type { LoadedApp, RemoteState } from './fal-project.ts';
import { loadChecks, secretChecks } from './local-checks.ts';

const app: LoadedApp = {
  ...LOADED_APP,
  requirements: ['pillow', `private @ https://$${'{TOKEN}'}@x/y.whl`],
  host: { machine_type: 'M', keep_alive: 60, max_multiplexing: 4 },
  secrets: ['B', 'A'],
  code: { digest: 'c'.repeat(64), files: { 'app.py': '1' }, main: 'app.py', text: 'a\nb' },
};

const deployed = (change: Partial<NonNullable<RemoteState['deployed']>> = {}): RemoteState => ({
  user: 'me',
  secrets: ['A', 'B'],
  annotations: annotationsOf(app),
  deployed: {
    revision: 'one',
    auth: 'private',
    machines: ['M'],
    regions: [],
    scale: {
      keep_alive: 300,
      max_concurrency: 2,
      min_concurrency: 0,
      concurrency_buffer: 0,
      concurrency_buffer_perc: 0,
      scaling_delay: 0,
      max_multiplexing: 1,
      request_timeout: 3600,
      request_start_timeout: null,
      startup_timeout: 600,
    },
    ...change,
  },
});

const changed = (remote: RemoteState, resetScale = false, auth?: string): Record<string, string> =>
  Object.fromEntries(
    deploymentDiff(app, remote, { auth, resetScale })
      .filter((one) => one.changes)
      .map(({ what, now, after }) => [what, `${now} → ${after}`]),
  );

test('scaling stays as it is deployed, but for what always comes from the code', () => {
  expect(changed(deployed())).toEqual({ max_multiplexing: '1 → 4' });
  expect(changed(deployed(), true)).toEqual({ keep_alive: '300 → 60', max_multiplexing: '1 → 4' });
  const kept = deploymentDiff(app, deployed(), { auth: undefined, resetScale: false });
  expect(kept.find(({ what }) => what === 'keep_alive')).toEqual({
    what: 'keep_alive',
    now: '300',
    after: '300',
    changes: false,
    note: 'the code says 60, which --reset-scale takes',
  });
});

test('machine, auth and secrets; what another tool deployed is unknown, not the same', () => {
  expect(changed(deployed({ machines: ['S', 'M'] }), false, 'public')).toEqual({
    machine: 'S, M → M',
    max_multiplexing: '1 → 4',
    auth: 'private → public',
  });
  const foreign = changed({ ...deployed(), annotations: {} });
  expect(foreign).toMatchObject({ code: 'unknown → cccccccccccc', requirements: expect.stringMatching(/^unknown → /) });
});

test('a first deployment shows all that will be', () => {
  const first = deploymentDiff(app, { ...deployed(), deployed: null }, { auth: undefined, resetScale: false });
  expect(first.every(({ now, changes }) => now === null && changes)).toBe(true);
  expect(first.find(({ what }) => what === 'keep_alive')?.after).toBe('60');
});

test('the names and digests that a revision keeps are no secrets, and fit', () => {
  const long = { ...app, requirements: Array.from({ length: 2000 }, (_, i) => `package-${i}==1.0`) };
  expect(JSON.stringify(annotationsOf(long)).length).toBeLessThan(16_384);
  expect(annotationsOf(app)['windtunnel.secrets']).toBe('A, B');
});

test('code file by file, the main one by its lines', () => {
  const before = { ...app.code, files: { 'app.py': '1', gone: 'x', other: 'x' } };
  const after = { ...app.code, text: 'a\nc\nd', files: { 'app.py': '2', new: 'x', other: 'y' } };
  expect(codeChanges(before, after)).toEqual([
    'app.py: 2 lines added, 1 removed',
    'gone is gone',
    'new is new',
    'other changed',
  ]);
});

test('secrets that are named, and those in requirements', () => {
  expect(secretChecks(app, ['A', 'TOKEN'], 'staging')).toMatchObject([
    {
      state: 'error',
      message: expect.stringContaining('B is not set'),
      hint: 'Set it: fal secrets set B=… --env staging',
    },
  ]);
  expect(secretChecks(app, ['A', 'B', 'TOKEN'], 'main')).toMatchObject([{ state: 'ok' }]);
});

test('what cannot be pickled, and a Python that does not fit', () => {
  const inspection = (change: Partial<LoadedApp>) => ({
    versions: { fal: '1.83.0', python: '3.11.7' },
    account: { profile: null, team: null, key: 'login' as const, host: 'h', runHost: 'r', config: 'c' },
    app: { value: { ...app, ...change } },
    remote: { value: deployed() },
  });
  const errors = (change: Partial<LoadedApp>) =>
    loadChecks(inspection(change)).flatMap(({ state, message }) => (state === 'error' ? [message] : []));
  expect(errors({})).toEqual([]);
  expect(errors({ pickle: { error: "TypeError: cannot pickle '_thread.lock' object", culprits: ['LOCK'] } })).toEqual([
    "The app cannot be pickled: TypeError: cannot pickle '_thread.lock' object",
  ]);
  expect(errors({ pythonVersion: '3.12' })).toEqual([expect.stringContaining('The app wants Python 3.12')]);
  expect(errors({ image: { dockerfile_str: 'FROM --platform=linux/amd64 docker.io/python:3.10-slim' } })).toEqual([
    expect.stringContaining('The image has Python 3.10'),
  ]);
});

test.each([
  ['ARG V=1\nFROM python:$V\nRUN pip install x && \\\n  true\nCOPY there /app\n', []],
  ['RUN true\nFROM x', ['1 A Dockerfile begins with FROM; only ARG may stand before it.']],
  ['FROM x\nRUNN true\nWORKDIR', ['2 Unknown instruction RUNN.', '3 WORKDIR needs an argument.']],
  [
    'FROM x\nCOPY --chown=1 not-there a b/\nCOPY --from=y q r\nADD https://x/y z\nCOPY *.py .',
    [
      '2 COPY not-there: there is no such file in the build context.',
      '2 COPY a: there is no such file in the build context.',
    ],
  ],
  [
    'FROM x\n  COPY there /app\n  RUN true\n  COPY --from=y q r',
    ['2 COPY is indented: fal does not upload there, and the build will not find it.'],
  ],
  ['', ['1 The Dockerfile is empty.']],
])('the Dockerfile %j', (text, expected) => {
  expect(
    dockerfileProblems(text, (source) => source === 'there').map(({ line, message }) => `${line} ${message}`),
  ).toEqual(expected);
});

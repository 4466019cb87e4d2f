import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNNER_PROBE_MARK, RUNNER_SECRET_HEADER } from '../../contract/index.ts';
import { type Cloud, makeCloud } from './fixtures/cloud.ts';
import { FIXTURES, GATEWAY_PORT, picklePayload, request, sourcePayload, TestBed, type TestRunner } from './testing.ts';

const PROBE = path.join(FIXTURES, 'probe.py');
const FILE_URL = 'https://v3.fal.media/files/ping';
const redirect = (to: string) => `https://v3.fal.media/redirect/${Buffer.from(to).toString('base64url')}`;
const REFUSED = [
  'http://127.0.0.1:9/x',
  'http://localhost:22/x',
  'http://[::1]/x',
  'http://10.0.0.1/x',
  'http://172.17.0.1/x',
  'http://169.254.169.254/latest',
  `http://127.0.0.1:${GATEWAY_PORT + 1}/files/ping`,
  redirect('http://127.0.0.1:9/x'),
  redirect('http://169.254.169.254/latest'),
];

let bed: TestBed;
let cloud: Cloud;
beforeAll(async () => {
  bed = await TestBed.make();
  cloud = await makeCloud(bed.folder);
});
afterAll(() => bed.dispose());

describe.each([
  ['source', 'asyncio'],
  ['source', 'uvloop'],
  ['pickle', 'asyncio'],
  ['pickle', 'uvloop'],
] as const)('an app as %s on %s', (kind, loop) => {
  let runner: TestRunner;
  let secret: string;
  beforeAll(async () => {
    const payload = kind === 'source' ? sourcePayload(PROBE, 'Probe') : await picklePayload(bed, PROBE, 'Probe');
    const uvloop = loop === 'uvloop' && kind === 'pickle';
    const spec = bed.spec(payload, {
      env: {
        FAL_KEY: 'id:secret',
        FAL_APP_NAME: 'local/probe',
        PROBE_LOOP: loop,
        SSL_CERT_FILE: cloud.bundle,
        REQUESTS_CA_BUNDLE: cloud.bundle,
        // A pickle brings no module level code along: its loop is chosen by a sitecustomize, as a distribution may do.
        ...(uvloop ? { PYTHONPATH: path.join(FIXTURES, 'uvloop-site') } : {}),
        // A company proxy must not get what is for fal.
        HTTPS_PROXY: 'http://127.0.0.1:1',
        HTTP_PROXY: 'http://127.0.0.1:1',
      },
    });
    secret = spec.secret;
    runner = await bed.start(spec, cloud.attach);
    await runner.handle.ready;
  });
  afterAll(async () => {
    await runner.handle.stop(5);
  });

  it('reaches fal through the tunnel with every client, and nothing private', async () => {
    const input = { file_url: FILE_URL, local_url: `http://127.0.0.1:${GATEWAY_PORT}/files/ping`, refused: REFUSED };
    const { status, text } = await runner.call('/probe', input);
    expect([status, text.slice(0, 200)]).toEqual([200, expect.anything()]);
    const results = JSON.parse(text);
    for (const url of REFUSED) {
      expect(results[url], url).toContain('SSRFError');
      delete results[url];
    }
    expect(results).toEqual({
      loop,
      from_bytes: expect.stringMatching(/^https:\/\/v3\.fal\.media\/files\/./),
      to_pil: [8, 9],
      download: 5,
      download_local: 5,
      kv: ['value', null],
      subscribe: { echoed: true },
      upload: 'https://v3.fal.media/files/uploaded',
      httpx: 5,
      urllib: 5,
      requests: 5,
      child: '5',
      spawned: expect.stringMatching(/^192\.88\.99\./),
      httpx_async: 5,
      aiohttp: 5,
      websockets: 'hello',
      open_connection: expect.stringContaining('200'),
      fal_client_async: { echoed: true },
    });
  });

  it('never shows the secret to the app, its log or fal', async () => {
    const { text } = await runner.call('/', {});
    expect(JSON.parse(text).headers.host).toBe('runner');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(RUNNER_SECRET_HEADER);
    expect(JSON.stringify(runner.logs)).not.toContain(secret);
    expect(cloud.headers.join()).not.toContain(secret);
  });

  it('answers the question whether it serves without the app', async () => {
    const headers = { [RUNNER_SECRET_HEADER]: secret + RUNNER_PROBE_MARK };
    const answer = await request(() => runner.handle.connect(), '/no-such-endpoint', {}, headers);
    expect(answer).toEqual({ status: 204, text: '' });
  });

  it.each([
    ['none', {}],
    ['a wrong one', { [RUNNER_SECRET_HEADER]: 'wrong' }],
  ])('answers 403 to a request with %s for secret', async (_name, headers) => {
    expect((await request(() => runner.handle.connect(), '/', {}, headers)).status).toBe(403);
  });
});

describe('a runner', () => {
  let runner: TestRunner;
  beforeAll(async () => {
    runner = await bed.start(bed.spec(sourcePayload(PROBE, 'Probe')), cloud.attach);
    await runner.handle.ready;
  });

  it('keeps tunnelled, plain and unix sockets apart when their numbers are used again', async () => {
    expect(await runner.call('/reuse')).toEqual({ status: 200, text: '{"leaked":0}' });
  });

  it('tells its phases, runs setup once, and handle_exit and teardown at the end', async () => {
    const exit = await runner.handle.stop(5);
    expect(exit).toEqual({ code: null, signal: 'SIGTERM', cause: 'stopped', error: null });
    expect(runner.phases).toEqual(['booting', 'importing', 'setup', 'ready']);
    const said = runner.logs.map((log) => log.message).filter((line) => line.endsWith(' ran'));
    expect(said).toEqual(['setup ran', 'handle_exit ran', 'teardown ran']);
    const ready = await runner.handle.ready;
    expect(ready.falVersion).toBe('1.83.0');
    expect(ready.pythonVersion).toMatch(/^3\.\d+\.\d+$/);
    await expect(runner.handle.connect()).rejects.toThrow();
  });
});

import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCloud } from './fixtures/cloud.ts';
import { FIXTURES, sourcePayload, TestBed, type TestRunner } from './testing.ts';

let bed: TestBed;
let runner: TestRunner;
beforeAll(async () => {
  bed = await TestBed.make();
  const cloud = await makeCloud(bed.folder);
  const env = { FAL_KEY: 'id:secret', FAL_APP_NAME: 'local/loops', SSL_CERT_FILE: cloud.bundle };
  const payload = sourcePayload(path.join(FIXTURES, 'loops.py'), 'Loops');
  runner = await bed.start(bed.spec(payload, { env }), cloud.attach);
  await runner.handle.ready;
});
afterAll(() => bed.dispose());

const call = async (at: string) => {
  const { status, text } = await runner.call(at, { file_url: 'https://v3.fal.media/files/ping' });
  return [status, JSON.parse(text)];
};

it('an app on trio reaches fal through the tunnel, and its own servers without', async () => {
  expect(await call('/trio')).toEqual([200, { stream: 'HTTP/1.1 200 OK', httpx: 5, own: '127.0.0.1' }]);
});

it('an app with a gRPC server and client of its own, on grpc.aio, keeps both and reaches fal', async () => {
  expect(await call('/grpc')).toEqual([200, { answer: 'xxxxx' }]);
});

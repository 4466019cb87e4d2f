import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayServer } from '../../../test/support/gateway-server.ts';

let gw: GatewayServer;

beforeEach(async () => {
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      res.setHeader('content-type', 'application/json');
      res.end(
        JSON.stringify({
          url: req.url,
          method: req.method,
          headers: req.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  });
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

test("39: run returns the app's body and x-fal-request-id; the app is called once", async () => {
  for (const target of [
    '/local/pixels/sub?a=1',
    '/run/local/pixels/sub?a=1',
    'https://fal.run/someone/pixels/sub?a=1',
  ]) {
    const answer = await gw.post(target, { x: 1 });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-fal-request-id']).toBe(gw.fleet.leases.at(-1)?.lease.requestId);
    expect(answer.json).toMatchObject({ url: '/sub?a=1', method: 'POST', body: '{"x":1}' });
  }
  expect(gw.fleet.releases).toHaveLength(3);
});

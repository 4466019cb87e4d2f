import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_PORT_LIMITS } from './limits.ts';
import type { RunnerIdentity } from './port.ts';
import {
  connectRequest,
  drain,
  getRequest,
  readHead,
  secure,
  startTestPort,
  type TestPort,
  until,
} from './test-support/port-harness.ts';
import { RecordingClock } from './test-support/recording-clock.ts';

const identity: RunnerIdentity = { runner: 'r-1', app: 'local/pixels' };
let test: TestPort;
beforeEach(async () => {
  test = await startTestPort();
});
afterEach(() => test.port.close());

function tunnel(target: string) {
  const [app, emulator] = duplexPair();
  test.port.adoptTunnel(emulator, target, identity);
  return app;
}
const bodyOf = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;

describe('a tunnel that an app opened in its runner', () => {
  it('to a fal host is TLS, and the handler knows whose it is', async () => {
    const inner = await secure(tunnel('v3.fal.media:443'), { servername: 'v3.fal.media' });
    inner.write(getRequest('v3.fal.media', '/files/a'));
    expect(bodyOf((await drain(inner)).text)).toMatchObject({
      path: '/files/a',
      via: 'tunnel',
      tls: true,
      sni: 'v3.fal.media',
      connectHost: 'v3.fal.media',
      identity,
    });
  });

  it('serves several requests on one connection', async () => {
    const inner = await secure(tunnel('fal.run:443'), { servername: 'fal.run' });
    for (let i = 0; i < 3; i++) {
      inner.write(getRequest('fal.run', `/${i}`).replace('Connection: close\r\n', ''));
      expect(bodyOf(await readHead(inner))).toMatchObject({ path: `/${i}` });
    }
    inner.destroy();
  });

  it("to the emulator's own address is plain and reaches files alone", async () => {
    const target = `127.0.0.1:${test.number}`;
    const ask = (path: string) => {
      const app = tunnel(target);
      app.write(getRequest(target, path));
      return drain(app).then((outcome) => outcome.text);
    };
    expect(bodyOf(await ask('/files/a.png'))).toMatchObject({ via: 'tunnel', tls: false, identity });
    for (const path of [
      '/',
      '/files',
      '/local/pixels',
      '/files/../local/pixels',
      '/files/%2e%2e/local/pixels',
      '//files/x',
    ]) {
      expect([path, await ask(path)]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 403 [\s\S]*E_TUNNEL_TARGET/)]);
    }
  });

  it.each([
    ['another name in SNI', 'v3.fal.media', 'rest.fal.ai', 'rest.fal.ai'],
    ['another name in Host', 'v3.fal.media', 'v3.fal.media', 'rest.fal.ai'],
  ])('%s than its target: 421', async (_, target, servername, host) => {
    const inner = await secure(tunnel(`${target}:443`), { servername });
    inner.write(getRequest(host));
    expect((await drain(inner)).text).toMatch(/^HTTP\/1\.1 421 [\s\S]*E_FOREIGN_HOST/);
  });

  it.each(['example.com:443', 'fal.run:80', 'fal.run', '127.0.0.1:22', 'localhost:1', '169.254.169.254:80', ''])(
    'to %j is refused',
    async (target) => {
      const [app, emulator] = duplexPair();
      expect(() => test.port.adoptTunnel(emulator, target, identity)).toThrow(
        expect.objectContaining({ code: 'E_TUNNEL_TARGET' }),
      );
      expect(emulator.destroyed).toBe(true);
      app.destroy();
      expect(test.port.connections).toBe(0);
    },
  );

  it('is no way to other hosts by CONNECT or the absolute form', async () => {
    const target = `127.0.0.1:${test.number}`;
    const proxied = tunnel(target);
    proxied.write(connectRequest('fal.run:443'));
    expect((await drain(proxied)).text).toMatch(/^HTTP\/1\.1 405 /);
    const absolute = tunnel(target);
    absolute.write(getRequest(target, 'http://fal.run/local/pixels'));
    expect((await drain(absolute)).text).toMatch(/^HTTP\/1\.1 421 /);
  });

  it('speaks the protocol of its target or is closed', async () => {
    const plain = tunnel('fal.run:443');
    plain.write(getRequest('fal.run'));
    const secured = tunnel(`localhost:${test.number}`);
    secured.write(Buffer.from([0x16, 3, 1]));
    await until(() => test.port.connections === 0);
    expect(test.logged.filter((line) => line.includes('another protocol'))).toHaveLength(2);
  });

  it.each(['fal.run:443', 'own'])('to %s takes a body that comes slowly', async (to) => {
    await test.port.close();
    const clock = new RecordingClock();
    let bytes = 0;
    test = await startTestPort({
      clock,
      onRequest: (request, response) => {
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        request.once('end', () => response.end());
      },
    });
    const target = to === 'own' ? `127.0.0.1:${test.number}` : to;
    const app = to === 'own' ? tunnel(target) : await secure(tunnel(target), { servername: 'fal.run' });
    // Not cut from the target: a port of our own may begin with 443 as well.
    const host = to === 'own' ? target : 'fal.run';
    app.write(`POST /files/upload HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\n\r\n`);
    const answer = readHead(app);
    for (let sent = 1; sent <= 4; sent++) {
      app.write('x');
      await until(() => bytes === sent);
      clock.advance(DEFAULT_PORT_LIMITS.bodyIdleMs);
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    app.destroy();
  });

  it('ends with the port', async () => {
    const app = await secure(tunnel('fal.run:443'), { servername: 'fal.run' });
    const ended = drain(app);
    await test.port.close();
    await ended;
    expect(test.port.connections).toBe(0);
  });
});

// Conformance cases of the official JS client. Run under `windtunnel exec`: the client here believes it talks to the cloud.
// A case is (number of the matrix) → async function; it throws when the behaviour is not fal's.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { ApiError, createFalClient, fal, ValidationError } from '@fal-ai/client';

const APP = process.env.WT_APP ?? 'local/probe';
const LINE = process.env.WT_LINE ?? 'local/line';
const uid = () => randomUUID().slice(0, 8);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const call = async (path, input) => (await fal.subscribe(`${APP}${path}`, { input, pollInterval: 50 })).data;
const rejects = async (promise, check) => {
  const error = await promise.then(
    () => assert.fail('resolved, although it has to reject'),
    (e) => e,
  );
  if (error instanceof assert.AssertionError) throw error;
  check(error);
};
const waitFor = async (read, done) => {
  for (let i = 0; i < 300; i++) {
    const value = await read();
    if (done(value)) return value;
    await sleep(50);
  }
  assert.fail(`never came: ${done}`);
};

export const cases = {
  async 1() {
    const sent = await fal.queue.submit(APP, { input: { key: uid() } });
    assert.equal(sent.status, 'IN_QUEUE');
    for (const key of ['request_id', 'response_url', 'status_url', 'cancel_url'])
      assert.equal(typeof sent[key], 'string', key);
    assert.ok(Number.isInteger(sent.queue_position), 'queue_position is an integer');
    assert.equal(sent.response_url, `https://queue.fal.run/${APP}/requests/${sent.request_id}`);
    assert.equal(sent.status_url, `${sent.response_url}/status`);
    assert.equal(sent.cancel_url, `${sent.response_url}/cancel`);
    await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
  },

  async 3() {
    const sent = await fal.queue.submit(`${APP}/sub/path`, { input: { a: 1 } });
    await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
    const { data } = await fal.queue.result(APP, { requestId: sent.request_id });
    assert.deepEqual(data, { route: '/sub/path', echo: { a: 1 } });
  },

  async 4() {
    for (const prefix of ['workflows', 'comfy']) {
      const result = await fal.subscribe(`${prefix}/${APP}`, { input: { key: uid() }, pollInterval: 50 });
      assert.equal(result.data.route, '/');
    }
  },

  async 9() {
    const seen = [];
    await fal.subscribe(`${APP}/sleep`, {
      input: { seconds: 0.4 },
      pollInterval: 50,
      onQueueUpdate: (u) => seen.push(u),
    });
    const order = ['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED'];
    const states = seen.map((u) => order.indexOf(u.status));
    assert.ok(!states.includes(-1), 'no other status');
    assert.deepEqual(states, [...states].sort(), 'states never go back');
    assert.equal(seen.at(-1).status, 'COMPLETED');
    assert.ok(seen.some((u) => u.status === 'IN_PROGRESS'));
    const last = await fal.queue.status(APP, { requestId: seen.at(-1).request_id });
    assert.ok(last.metrics.inference_time >= 0.35, `inference_time ${last.metrics.inference_time}`);
  },

  async 10() {
    const key = uid();
    const seen = [];
    await fal.subscribe(`${APP}/logs`, {
      input: { key, lines: 6, pause: 0.1 },
      logs: true,
      pollInterval: 50,
      onQueueUpdate: (update) => seen.push(update),
    });
    const lists = seen.filter((update) => update.logs).map((update) => update.logs);
    for (const [before, after] of lists.slice(1).map((list, i) => [lists[i], list]))
      assert.deepEqual(after.slice(0, before.length), before, 'each list holds the one before it');
    assertLines(lists.at(-1), key, 6);
    assert.ok(new Set(lists.map((list) => list.length)).size > 2, 'they grow while it works');
  },

  async 11() {
    const key = uid();
    const seen = [];
    // Longer than the interval of the comment lines that keep the stream open (15 s).
    const result = await fal.subscribe(`${APP}/logs`, {
      input: { key, lines: 8, pause: 2 },
      logs: true,
      mode: 'streaming',
      onQueueUpdate: (update) => seen.push({ ...update, logs: update.logs ? [...update.logs] : update.logs }),
    });
    assert.deepEqual(result.data, { ok: true });
    assert.equal(seen.at(-1).status, 'COMPLETED');
    assert.equal(seen.filter((update) => update.status === 'COMPLETED').length, 1);
    assertLines(seen.at(-1).logs, key, 8);
  },

  async 12() {
    const sent = await fal.queue.submit(APP, { input: { key: uid() } });
    await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
    const result = await fal.queue.result(APP, { requestId: sent.request_id });
    assert.equal(result.requestId, sent.request_id);
    assert.deepEqual((await fal.queue.result(APP, { requestId: sent.request_id })).data, result.data);
  },

  async 13() {
    const sent = await fal.queue.submit(`${APP}/sleep`, { input: { seconds: 1 } });
    await rejects(fal.queue.result(APP, { requestId: sent.request_id }), (e) => {
      assert.ok(e instanceof ApiError && e.status >= 400 && e.status < 500, `status ${e.status}`);
    });
    await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
  },

  async 14() {
    const requestId = randomUUID();
    for (const op of ['status', 'result', 'cancel']) {
      await rejects(fal.queue[op](APP, { requestId }), (e) => {
        assert.equal(e.status, 404, op);
        assert.equal(e.body.status, 'NOT_FOUND', op);
      });
    }
  },

  async 15() {
    const key = uid();
    const holder = await fal.queue.submit(LINE, { input: { key: `${key}-a`, seconds: 1 } });
    const waiting = await fal.queue.submit(LINE, { input: { key: `${key}-b` } });
    await fal.queue.cancel(LINE, { requestId: waiting.request_id });
    const status = await waitFor(
      () => fal.queue.status(LINE, { requestId: waiting.request_id }),
      (s) => s.status === 'COMPLETED',
    );
    assert.equal(status.error_type, 'client_cancelled');
    await fal.queue.subscribeToStatus(LINE, { requestId: holder.request_id, pollInterval: 50 });
    const { data } = await fal.subscribe(`${LINE}/order`, { input: { prefix: key }, pollInterval: 50 });
    assert.deepEqual(data.order, [`${key}-a`], 'the cancelled request never reached the app');
  },

  async 18() {
    const sent = await fal.queue.submit(APP, { input: { key: uid() } });
    await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
    await rejects(fal.queue.cancel(APP, { requestId: sent.request_id }), (e) => {
      assert.equal(e.status, 400);
      assert.equal(e.body.status, 'ALREADY_COMPLETED');
    });
  },

  async 19() {
    const key = uid();
    const send = (name, priority, seconds = 0) =>
      fal.queue.submit(LINE, { input: { key: `${key}-${name}`, seconds }, ...(priority ? { priority } : {}) });
    const all = [
      await send('first', undefined, 1),
      await send('low', 'low'),
      await send('normal-1'),
      await send('normal-2', 'normal'),
    ];
    for (const { request_id } of all)
      await fal.queue.subscribeToStatus(LINE, { requestId: request_id, pollInterval: 50 });
    const { data } = await fal.subscribe(`${LINE}/order`, { input: { prefix: key }, pollInterval: 50 });
    assert.deepEqual(
      data.order,
      ['first', 'normal-1', 'normal-2', 'low'].map((n) => `${key}-${n}`),
    );
  },

  async 24() {
    const key = uid();
    await rejects(
      fal.subscribe(`${APP}/cancellable`, {
        input: { key, seconds: 15 },
        mode: 'polling',
        pollInterval: 50,
        timeout: 900,
      }),
      (e) => assert.match(String(e), /timed? ?out/i),
    );
    await waitFor(
      () => call('/events', { key }),
      (d) => d.events.some(([what]) => what === 'cancel'),
    );
  },

  async 33() {
    await rejects(fal.subscribe(`${APP}/validate`, { input: { prompt: 'x', steps: 999 }, pollInterval: 50 }), (e) => {
      assert.ok(e instanceof ValidationError, `${e.name} ${e.status}`);
      assert.equal(e.status, 422);
      assert.deepEqual(e.fieldErrors.map((f) => f.loc.at(-1)).sort(), ['prompt', 'steps']);
    });
    const raw = await fetch(`https://fal.run/${APP}/validate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Key ${process.env.FAL_KEY}` },
      body: '{"prompt":"x","steps":1}',
    });
    assert.equal(raw.status, 422);
    assert.equal(raw.headers.get('x-fal-billable-units'), '0');
    await raw.text();
  },

  async 37() {
    const failed = async (input) => {
      const gets = [];
      const client = createFalClient({
        fetch: (url, init) => {
          if (/\/requests\/[^/]+$/.test(new URL(url).pathname)) gets.push(url);
          return fetch(url, init);
        },
      });
      // One attempt, so that what is seen again and again is the result and not another run.
      const sent = await client.queue.submit(`${APP}/answer`, { input, headers: { 'x-fal-no-retry': '1' } });
      await client.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
      let status;
      await rejects(client.queue.result(APP, { requestId: sent.request_id }), (e) => {
        status = e.status;
      });
      const { calls } = await call('/calls', { key: input.key });
      return { status, gets: gets.length, calls };
    };
    assert.deepEqual(await failed({ key: uid(), status: 422 }), { status: 422, gets: 1, calls: 1 });
    // The runner is spared: its memory of the calls is what is looked at.
    const busy = { key: uid(), status: 503, headers: { 'x-fal-stop-runner': '0' } };
    assert.deepEqual(await failed(busy), { status: 503, gets: 4, calls: 1 });
  },

  async 39() {
    const key = uid();
    const result = await fal.run(APP, { input: { key } });
    assert.equal(result.data.calls, 1);
    assert.match(result.requestId, /^[0-9a-f-]{36}$/);
    assert.equal((await fal.run(`${APP}/calls`, { input: { key } })).data.calls, 1, 'the app was called once');
  },

  async 40() {
    const key = uid();
    const abort = new AbortController();
    const running = fal.run(`${APP}/cancellable`, { input: { key, seconds: 15 }, abortSignal: abort.signal });
    running.catch(() => undefined);
    await waitFor(
      () => call('/events', { key }),
      (d) => d.events.length > 0,
    );
    abort.abort();
    await rejects(running, () => undefined);
    await waitFor(
      () => call('/events', { key }),
      (d) => d.events.some(([what]) => what === 'cancel'),
    );
  },

  async 41() {
    const binary = await fal.run(`${APP}/binary`, { input: {} });
    assert.ok(binary.data instanceof ArrayBuffer);
    assert.deepEqual([...new Uint8Array(binary.data)], [...Array(256).keys()]);
    assert.equal((await fal.run(`${APP}/text`, { input: {} })).data, 'plain words');
  },

  async 42() {
    const stream = await fal.stream(`${APP}/stream`, { input: { events: 3, pause: 0.4 } });
    const arrivals = [];
    for await (const event of stream) arrivals.push({ ...event, here: Date.now() / 1000 });
    assert.deepEqual(
      arrivals.map((a) => a.n),
      [0, 1, 2],
    );
    for (const a of arrivals) assert.ok(a.here - a.at < 0.3, `event ${a.n} came ${a.here - a.at} s after it was sent`);
    assert.equal((await stream.done()).n, 2);
  },

  async 43() {
    const seen = [];
    const spied = createFalClient({
      fetch: (url, init) => {
        seen.push([String(url), new Headers(init?.headers).get('authorization')]);
        return fetch(url, init);
      },
    });
    const stream = await spied.stream(`${APP}/stream`, {
      input: { events: 2, pause: 0.05 },
      connectionMode: 'client',
    });
    const got = [];
    for await (const event of stream) got.push(event.n);
    assert.deepEqual(got, [0, 1]);
    const direct = seen.find(([url]) => url.includes('fal_jwt_token='));
    assert.ok(direct, `a call with fal_jwt_token: ${seen.map(([u]) => u.split('?')[0])}`);
    assert.equal(direct[1], null, 'no authorization header');
    const token = new URL(direct[0]).searchParams.get('fal_jwt_token');
    for (const forged of ['forged', `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(43)}`]) {
      const url = `https://fal.run/${APP}/stream?fal_jwt_token=${forged}`;
      const bad = await fetch(url, { method: 'POST', body: '{}' });
      assert.equal(bad.status, 401, forged);
      await bad.text();
    }
  },

  async 51() {
    const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
    const url = await fal.storage.upload(new Blob([bytes], { type: 'image/png' }));
    const back = await fetch(url);
    assert.equal(back.headers.get('content-type'), 'image/png');
    assert.deepEqual(new Uint8Array(await back.arrayBuffer()), bytes);
    const { data } = await fal.subscribe(APP, {
      input: { nested: { file: new Blob(['inside'], { type: 'text/plain' }) } },
      pollInterval: 50,
    });
    assert.match(data.echo.nested.file, /^https?:\/\/.*\/files\//);
    assert.equal(await (await fetch(data.echo.nested.file)).text(), 'inside');
  },

  async 52() {
    const bytes = new Uint8Array(95 * 1024 * 1024);
    // No two parts alike, whatever their size: parts out of order have another hash.
    const numbers = new DataView(bytes.buffer);
    for (let i = 0; i < bytes.length; i += 4096) numbers.setUint32(i, i);
    const sha = (b) => createHash('sha256').update(b).digest('hex');
    const url = await fal.storage.upload(new Blob([bytes], { type: 'application/octet-stream' }));
    const back = new Uint8Array(await (await fetch(url)).arrayBuffer());
    assert.equal(back.length, bytes.length);
    assert.equal(sha(back), sha(bytes));
  },

  async 55() {
    const upload = (lifecycle) => fal.storage.upload(new Blob(['short'], { type: 'text/plain' }), { lifecycle });
    const acl = { default: 'forbid', rules: [{ user: 'someone', decision: 'allow' }] };
    const kept = await upload({ expiresIn: '1h', initialAcl: acl });
    const short = await upload({ expiresIn: 1 });
    await waitFor(
      async () => (await fetch(short)).status,
      (status) => status === 404,
    );
    assert.equal((await fetch(kept)).status, 403, 'the ACL forbids it to who has no key');
    const own = await fetch(kept, { headers: { authorization: `Key ${process.env.FAL_KEY}` } });
    assert.equal(await own.text(), 'short', 'that of an hour is still there, for its owner');
    const hidden = await upload({ initialAcl: { default: 'hide' } });
    assert.equal((await fetch(hidden)).status, 404);
  },

  async 59() {
    const calls = [];
    const server = createServer((req, res) => {
      const chunks = [];
      req.on('data', (chunk) => chunks.push(chunk));
      req.on('end', () => {
        calls.push({ headers: req.headers, body: Buffer.concat(chunks) });
        res.end();
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const webhookUrl = `http://localhost:${server.address().port}/hook`;
    const key = uid();
    const sent = await fal.queue.submit(APP, { input: { key }, webhookUrl });
    const failing = await fal.queue.submit(`${APP}/validate`, { input: { prompt: 'x', steps: 999 }, webhookUrl });
    const bytes = await fal.queue.submit(`${APP}/binary`, { input: {}, webhookUrl });
    await waitFor(
      () => calls,
      (all) => all.length >= 3,
    );
    const bodyOf = ({ request_id }) =>
      calls.map(({ body }) => JSON.parse(body)).find((body) => body.request_id === request_id);
    const ok = bodyOf(sent);
    assert.equal(ok.status, 'OK');
    assert.equal(ok.gateway_request_id, sent.request_id);
    assert.equal(ok.payload.echo.key, key);
    assert.equal(bodyOf(failing).status, 'ERROR');
    assert.equal(bodyOf(failing).error, 'Invalid status code: 422');
    assert.ok(Array.isArray(bodyOf(failing).payload.detail));
    assert.equal(bodyOf(bytes).payload, null);
    assert.match(bodyOf(bytes).payload_error, /not JSON serializable/);

    // As fal's documentation tells receivers to, with the key set that is published under fal's own name.
    const { keys } = await (await fetch('https://rest.fal.ai/.well-known/jwks.json')).json();
    const isGenuine = ({ headers, body }) => {
      const hash = createHash('sha256').update(body).digest('hex');
      const parts = ['request-id', 'user-id', 'timestamp'].map((name) => headers[`x-fal-webhook-${name}`]);
      const message = Buffer.from([...parts, hash].join('\n'));
      const signature = Buffer.from(headers['x-fal-webhook-signature'], 'hex');
      return keys.some((jwk) => verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), signature));
    };
    for (const call of calls) {
      assert.ok(isGenuine(call), 'the signature verifies');
      assert.ok(!isGenuine({ ...call, body: Buffer.concat([call.body, Buffer.from(' ')]) }), 'a tampered body fails');
    }
    server.close();
    server.closeAllConnections();
  },
};

function assertLines(logs, key, count) {
  const mine = logs.filter(({ message }) => message.includes(key));
  assert.deepEqual(
    mine.map(({ message }) => message),
    Array.from({ length: count }, (_, i) => `line ${i} of ${key}`),
    'each line once, in order',
  );
  for (const { message, timestamp } of logs) {
    assert.ok(message);
    assert.ok(!Number.isNaN(Date.parse(timestamp)), timestamp);
  }
}

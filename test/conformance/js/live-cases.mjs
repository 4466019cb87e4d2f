// Realtime, by the official JS client: what it says of the numbers of the matrix is in items.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ApiError, fal } from '@fal-ai/client';

const APP = process.env.WT_LIVE ?? 'local/live';
const LATE_MS = 45_000;

/** A realtime connection whose results, errors and closings are read one by one. */
class Session {
  results = [];
  errors = [];
  #wake = () => undefined;

  constructor(options = {}, app = APP) {
    this.connection = fal.realtime.connect(app, {
      connectionKey: crypto.randomUUID(),
      throttleInterval: 0,
      tokenProvider: token,
      onResult: (result) => this.#push(this.results, result),
      onError: (error) => this.#push(this.errors, error),
      ...options,
    });
  }

  send(input) {
    this.connection.send(input);
  }

  async result() {
    return this.#next(this.results, this.errors);
  }

  async error() {
    return this.#next(this.errors, []);
  }

  async ask(input) {
    this.send(input);
    return this.result();
  }

  #push(list, value) {
    list.push(value);
    this.#wake();
  }

  async #next(list, others) {
    const end = Date.now() + LATE_MS;
    while (list.length === 0) {
      if (others.length > 0) throw others[0];
      assert.ok(Date.now() < end, 'nothing came');
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 250);
      });
    }
    return list.shift();
  }
}

/** What a site's own backend does for its pages: a token for one app, made with the key. */
async function token(app) {
  const answer = await fetch('https://rest.fal.ai/tokens/realtime', {
    method: 'POST',
    headers: { authorization: `Key ${process.env.FAL_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ allowed_apps: [app], duration: 120 }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).token;
}

export const cases = {
  async 45() {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const session = new Session();
    for (const n of [1, 2]) {
      const { echo } = await session.ask({ n, bytes, text: 'ünï', nested: { list: [1.5, null, true] } });
      assert.deepEqual(echo, { n, bytes, text: 'ünï', nested: { list: [1.5, null, true] } });
      assert.ok(echo.bytes instanceof Uint8Array);
    }
    session.connection.close();
    const own = new Session({ tokenProvider: undefined });
    assert.deepEqual(await own.ask({ n: 3 }), { echo: { n: 3 } }, "by the client's own token call");
    own.connection.close();
  },

  async 46() {
    const session = new Session({ path: '/socket', maxBuffering: 7 });
    const { query, headers } = await session.ask({ n: 1 });
    assert.deepEqual(query, { max_buffering: '7' }, 'the token does not reach the app');
    assert.match(headers['x-fal-request-id'], /^[0-9a-f-]{36}$/);
    assert.equal(headers.authorization, undefined);
    const refused = once(process, 'uncaughtException');
    new Session({ maxBuffering: 61 }).send({ n: 1 });
    assert.match((await refused)[0].message, /maxBuffering/);
  },

  async 47() {
    const session = new Session();
    await session.ask({ n: 1 });
    session.send({ fail: true });
    const error = await session.error();
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.body.error, 'INTERNAL_ERROR');
    assert.equal(error.body.reason, 'asked to fail');
  },

  async 48() {
    const closed = watchClosings();
    const session = new Session({ path: '/idle' });
    // On a machine that is busy the first message may come after the idle limit: it is sent again then.
    const answered = async (n) => {
      while (session.results.length === 0) {
        session.send({ n });
        await Promise.race([session.result().then((r) => session.results.unshift(r)), closed.next()]);
      }
      return session.results.shift();
    };
    assert.deepEqual(await answered(1), { echo: { n: 1 } });
    assert.equal(await closed.next(), 1000);
    assert.deepEqual(session.errors, [], 'a session that was idle is no error');
    assert.deepEqual(await answered(2), { echo: { n: 2 } });
    session.connection.close();
  },

  async 49() {
    const asked = [];
    const session = new Session({
      tokenProvider: async (app) => {
        asked.push(app);
        return asked.length === 1 ? 'not.a.token' : token(app);
      },
    });
    session.send({ n: 0 });
    // The client takes the refusal for the end of its token, and asks for another when it has something to send.
    const end = Date.now() + LATE_MS;
    while (session.results.length === 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      session.send({ n: 1 });
    }
    assert.deepEqual(session.results[0], { echo: { n: 1 } });
    assert.deepEqual(session.errors, []);
    assert.deepEqual([...new Set(asked)], [`${APP}/realtime`]);
    assert.ok(asked.length >= 2, `${asked.length} tokens`);
    session.connection.close();
  },

  async 72() {
    const server = new Session({ path: '/server' });
    server.send({ count: 3, key: 'k' });
    for (const n of [0, 1, 2]) assert.deepEqual(await server.result(), { n, key: 'k' });

    const client = new Session({ path: '/client' });
    await sendAll(client, [{ n: 1 }, { n: 2 }, { n: 3, last: true }]);
    const { seen } = await client.result();
    assert.deepEqual([seen.at(-1), [...seen].sort()], [3, seen], 'in order, the last one among them');

    const both = new Session({ path: '/both' });
    assert.deepEqual(await both.ask({ n: 4 }), { twice: 8 });
    assert.deepEqual(await both.ask({ n: 5, last: true }), { twice: 10 });

    const codec = new Session({
      path: '/codec',
      encodeMessage: (input) => new TextEncoder().encode(JSON.stringify(input)),
      decodeMessage: async (data) => JSON.parse(typeof data === 'string' ? data : await new Response(data).text()),
    });
    assert.deepEqual(await codec.ask({ n: 6 }), { json: { n: 6 } });
    codec.connection.close();
  },
};

/** The client keeps only the newest message while it connects: the first is sent alone, until the connection stands. */
async function sendAll(session, inputs) {
  const open = watchOpenings();
  session.send(inputs[0]);
  await open;
  for (const input of inputs.slice(1)) session.send(input);
}

function watchOpenings() {
  const Real = globalThis.WebSocket;
  return new Promise((resolve) => {
    globalThis.WebSocket = class extends Real {
      constructor(...args) {
        super(...args);
        globalThis.WebSocket = Real;
        // After the client's own listener, which sends what waits.
        this.addEventListener('open', () => setTimeout(resolve, 0));
      }
    };
  });
}

/** The close codes of the client's connections, one by one. */
function watchClosings() {
  const Real = globalThis.WebSocket;
  const codes = [];
  let wake = () => undefined;
  globalThis.WebSocket = class extends Real {
    constructor(...args) {
      super(...args);
      this.addEventListener('close', ({ code }) => {
        codes.push(code);
        wake();
      });
    }
  };
  return {
    async next() {
      while (codes.length === 0) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      return codes.shift();
    },
  };
}

// Cases of retries and of routing by hints; cases.mjs has the others.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApiError, fal } from '@fal-ai/client';

const [owner] = (process.env.WT_APP ?? 'local/probe').split('/');
const RETRY = `${owner}/retry`;
const STICKY = `${owner}/sticky`;
const uid = () => randomUUID().slice(0, 8);
const subscribe = (app, input, more = {}) => fal.subscribe(app, { input, pollInterval: 50, ...more });
const calls = async (key) => (await subscribe(`${RETRY}/calls`, { key })).data.calls;

export const retryCases = {
  async 20() {
    const models = ['red', 'blue'];
    const loads = models.map((model) => subscribe(STICKY, { model, seconds: 1 }));
    const runners = (await Promise.all(loads)).map(({ data }) => data.runner);
    assert.notEqual(runners[0], runners[1], 'one runner each');
    for (const i of [0, 0, 1, 0, 1, 1]) {
      const sent = await fal.queue.submit(STICKY, { input: {}, hint: models[i] });
      await fal.queue.subscribeToStatus(STICKY, { requestId: sent.request_id, pollInterval: 50 });
      const { data } = await fal.queue.result(STICKY, { requestId: sent.request_id });
      assert.deepEqual(data, { runner: runners[i], model: models[i] });
    }
  },

  async 26() {
    const key = uid();
    const states = [];
    const onQueueUpdate = ({ status }) => states.push(status);
    const { data, requestId } = await subscribe(RETRY, { key, statuses: [503, 503, 200] }, { onQueueUpdate });
    assert.deepEqual(data, { detail: 'call 3' });
    assert.equal(states.at(-1), 'COMPLETED');
    const seen = await calls(key);
    assert.equal(new Set(seen.map(({ runner }) => runner)).size, 3, 'each 503 costs its runner');
    assert.equal(seen[0].request, requestId);
    assert.equal(new Set(seen.map(({ request }) => request)).size, 3, 'an id for each attempt');
  },

  async 28() {
    // 500 and not 503 at last: the client asks for a failed result again and again where it is a 503.
    const attempts = async (headers) => {
      const key = uid();
      const spare = { 'x-fal-stop-runner': '0', 'x-fal-needs-retry': '1' };
      const call = subscribe(RETRY, { key, statuses: [500], headers: [spare] }, { headers });
      const error = await call.catch((e) => e);
      assert.ok(error instanceof ApiError && error.status === 500, `it fails with 500: ${error}`);
      return (await calls(key)).length;
    };
    assert.equal(await attempts({ 'X-Fal-No-Retry': '1' }), 1);
    assert.equal(await attempts({ 'X-Fal-Retry-Config': '{"server_error":{"retries":2}}' }), 3);
  },
};

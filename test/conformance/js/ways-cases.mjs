// The ways to lead @fal-ai/client here that need nothing of its own changed: each runs the same cases in a process of its own,
// without exec's proxy variables.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fal } from '@fal-ai/client';

/** Submit, poll, result, cancel, errors, direct calls, bytes, uploads; `stream` is below. */
const SAME = ['3', '9', '12', '14', '18', '39', '41', '51', 'stream'];

export const cases = {
  async 61() {
    const ways = ['proxyUrl', 'requestMiddleware', 'fetch', 'preload'];
    const failed = await Promise.all(
      ways.map(async (way) => {
        const items = way === 'preload' ? [...SAME, '45'] : SAME;
        const results = await run(items, environment(way));
        assert.deepEqual(
          results.map(({ item }) => item),
          items,
          way,
        );
        return results.filter(({ ok }) => !ok).map(({ item, error }) => `${way}, ${item}: ${error}`);
      }),
    );
    assert.deepEqual(failed.flat(), []);
  },

  async stream() {
    const stream = await fal.stream(`${process.env.WT_APP ?? 'local/probe'}/stream`, {
      input: { events: 2, pause: 0.05 },
    });
    const seen = [];
    for await (const { n } of stream) seen.push(n);
    assert.deepEqual(seen, [0, 1]);
  },
};

function environment(way) {
  const kept = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, ...rest } = Object.fromEntries(kept);
  if (way === 'preload') return { ...rest, NODE_OPTIONS, NODE_EXTRA_CA_CERTS };
  return { ...rest, WT_WAY: way };
}

function run(items, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'run.mjs'), ...items], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.once('error', reject);
    child.once('close', () =>
      resolve(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ),
    );
  });
}

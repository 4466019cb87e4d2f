import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startFleet } from '../../test/support/fleet-fixture.ts';
import { FakeClock } from '../core/fake-clock.ts';
import { silentLog } from '../core/log.ts';
import { openStore } from '../store/open-store.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'wt-du-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const TOTAL = 300;

it('over the real store: what was acknowledged ends once, also when the emulator stops in the middle again and again', async () => {
  /** How often the app answered each input, and which answers the runner could not give any more. */
  const served = new Map<string, number>();
  const acknowledged: string[] = [];
  const open = () => openStore({ dir, clock: new FakeClock(), log: silentLog });

  for (let life = 0; life < 4; life++) {
    const store = await open();
    const last = life === 3;
    const f = startFleet({ store, newId: randomUUID });
    let answered = 0;
    f.engine.app = (request, response) => {
      const input = request.body.toString();
      // In all lives but the last the app falls silent after a while: those requests are cut off by the end.
      if (!last && ++answered > 60) return;
      served.set(input, (served.get(input) ?? 0) + 1);
      response.writeHead(200).end(input);
    };
    await f.register({ maxMultiplexing: 8, maxConcurrency: 2 });
    if (life === 0) {
      const submits = Array.from({ length: TOTAL }, (_, i) =>
        f.submit({ body: { kind: 'bytes', bytes: Buffer.from(`n${i}`) } }),
      );
      for (const record of await Promise.all(submits)) acknowledged.push(record.id);
    }
    const complete = () => acknowledged.filter((id) => store.get(id)?.state === 'COMPLETED').length;
    if (last) await f.until(() => complete() === TOTAL);
    else await f.until(() => answered > 70 && complete() === 60 * (life + 1));
    await f.fleet.dispose();
    await f.engine.dispose();
    await store.dispose();
  }

  const store = await open();
  expect(acknowledged).toHaveLength(TOTAL);
  for (const [i, id] of acknowledged.entries()) {
    const result = await store.result(id);
    expect(result?.kind === 'bytes' && Buffer.from(result.bytes).toString()).toBe(`n${i}`);
  }
  expect(
    [...served.values()].filter((times) => times !== 1),
    'answered more than once',
  ).toEqual([]);
  await store.dispose();
});

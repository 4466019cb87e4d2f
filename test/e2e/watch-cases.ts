import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EmulatorEvent } from '../../emulator/contract/index.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';

/** What saving a file does; each test has an emulator of its own. */
export function watchCases(engine: EngineUnderTest): void {
  let emulator: EmulatorUnderTest;
  let events: EmulatorEvent[];
  let stop: AbortController;

  beforeAll(engine.start.bind(engine), 180_000);

  beforeEach(async () => {
    const app = path.join(import.meta.dirname, 'apps/versioned.py');
    emulator = await EmulatorUnderTest.start([app], engine.env());
    await emulator.run('versioned.py', { watch: true });
    events = [];
    stop = new AbortController();
    const listen = async () => {
      for await (const event of emulator.client.events({ replay: false }, stop.signal)) events.push(event);
    };
    listen().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  }, 120_000);

  afterEach(async () => {
    stop?.abort();
    await emulator?.dispose();
  }, 120_000);

  const file = () => path.join(emulator.workspace, 'versioned.py');
  const source = () => readFileSync(file(), 'utf8');
  const save = (text: string) => writeFileSync(file(), text);
  const reloads = () => events.filter((event) => event.type === 'app.reload');

  async function call(pathname: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${emulator.url}${pathname}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  const version = async () => (await call('/run/local/versioned', {})).body.version;

  async function until(what: string, done: () => Promise<boolean> | boolean): Promise<void> {
    for (let i = 0; i < 1200; i++) {
      if (await done()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`never came: ${what}. Events: ${JSON.stringify(events.slice(-20))}`);
  }

  describe('saving the file', () => {
    test('replaces the runner; what arrives meanwhile is held, not failed', async () => {
      expect(await version()).toBe(1);
      const seen: unknown[] = [];
      const failed: unknown[] = [];
      let going = true;
      const direct = async () => {
        while (going) {
          const answer = await call('/run/local/versioned', {});
          if (answer.status === 200) seen.push(answer.body.version);
          else failed.push(answer);
        }
      };
      const ids: string[] = [];
      const queued = async () => {
        while (going) {
          const sent = await call('/queue/local/versioned', { seconds: 0.05 });
          if (sent.status === 200) ids.push(String(sent.body.request_id));
          else failed.push(sent);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      const load = [direct(), direct(), queued()];
      save(source().replace('VERSION = 1', 'VERSION = 2'));
      await until('version 2', () => seen.includes(2));
      going = false;
      await Promise.all(load);
      expect(failed).toEqual([]);
      expect([...new Set(seen)]).toEqual([1, 2]);
      for (const id of ids) {
        await until(`request ${id}`, async () => {
          const status = await fetch(`${emulator.url}/queue/local/versioned/requests/${id}/status`);
          return status.status === 200;
        });
        expect((await fetch(`${emulator.url}/queue/local/versioned/requests/${id}`)).status).toBe(200);
      }
      expect(reloads()).toHaveLength(1);
      expect(reloads()[0], 'the reason names the file').toMatchObject({
        reason: expect.stringContaining('versioned.py'),
      });
    }, 240_000);

    test('a file that does not compile leaves the old one serving, and the mended one takes over', async () => {
      const good = source();
      save(`${good}\n\ndef broken(:\n`);
      await until('the syntax error', () => events.some((e) => e.type === 'app.failed' && e.error.code === 'E_SYNTAX'));
      expect(await version()).toBe(1);
      save(good.replace('VERSION = 1', 'VERSION = 3'));
      await until('version 3', async () => (await version()) === 3);
    }, 240_000);

    test('a file whose import raises leaves the old one serving, with the traceback told', async () => {
      save(source().replace('VERSION = 1', 'VERSION = {}["nothing"]'));
      await until('the failure', () =>
        events.some((e) => e.type === 'app.failed' && /KeyError/.test(JSON.stringify(e.error))),
      );
      expect(await version()).toBe(1);
    }, 240_000);

    test('outputs, caches, logs and an unchanged save trigger nothing', async () => {
      for (const name of [
        'outputs/a.png',
        '__pycache__/x.pyc',
        'run.log',
        '.venv/lib/x.py',
        '.git/index',
        'notes.txt',
      ]) {
        mkdirSync(path.dirname(path.join(emulator.workspace, name)), { recursive: true });
        writeFileSync(path.join(emulator.workspace, name), 'x');
      }
      await call('/run/local/versioned/write', { path: path.join(emulator.workspace, 'outputs/b.txt') });
      save(source());
      // The next real change comes after all of these in the same watcher: had one counted, there would be two reloads.
      save(source().replace('VERSION = 1', 'VERSION = 4'));
      await until('version 4', async () => (await version()) === 4);
      expect(reloads()).toHaveLength(1);
    }, 240_000);
  });
}

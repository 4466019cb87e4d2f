import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';
import { testPython } from '../support/python.ts';
import { sourceDistribution } from '../support/source-distribution.ts';

const PIN = 'fal-client==1.0.3';
const COMMON = ['test_fal_client', 'test_fal_client_streaming', 'test_fal_client_upload'];
const LIVE = { 'test_sync_client.py': [...COMMON, 'test_fal_client_encode'], 'test_async_client.py': COMMON };

/** The client's own tests, against stub apps. */
export function upstreamCases(engine: EngineUnderTest): void {
  let emulator: EmulatorUnderTest;
  let sources: string;

  beforeAll(async () => {
    if (!(await engine.start())) return;
    sources = path.join(await sourceDistribution(PIN), 'tests');
    emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')], engine.env());
    await Promise.all([
      emulator.run('apps/fast_sdxl.py', { as: 'fal-ai/fast-sdxl' }),
      emulator.run('apps/any_llm.py', { as: 'fal-ai/any-llm' }),
    ]);
  }, 600_000);

  afterAll(() => emulator?.dispose(), 120_000);

  describe(`the live tests of ${PIN}, unmodified, under exec, with stub apps`, () => {
    for (const [file, names] of Object.entries(LIVE)) {
      for (const name of names) {
        test(`${file}::${name}`, async () => {
          const work = mkdtempSync(path.join(tmpdir(), 'wt-up-'));
          try {
            const args = ['-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider', '--rootdir', work, '-c', '/dev/null'];
            const auto = ['-o', 'asyncio_mode=auto', `--basetemp=${path.join(work, 'tmp')}`];
            const target = `${path.join(sources, file)}::${name}`;
            const result = await emulator.exec(await testPython(), [...args, ...auto, target], {
              PYTHONDONTWRITEBYTECODE: '1',
            });
            expect(result.stdout + result.stderr, `pytest ended with ${result.code}`).toMatch(/\b1 passed\b/);
            expect(result.code).toBe(0);
          } finally {
            rmSync(work, { recursive: true, force: true });
          }
        }, 120_000);
      }
    }
  });
}

import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAILPOINTS } from '../../emulator/core/failpoints.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { crashRound, type Finding } from './round.ts';

// In the whole: 12 named points and these; `npm run soak` takes 50.
const RANDOM_MOMENTS = Number(process.env.WINDTUNNEL_TEST_MOMENTS ?? 8);
const clean = { lost: [], runAgain: [], cancelledButRun: [], wrong: [] };

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/witness.py')]);
  await emulator.run('witness.py');
}, 300_000);

afterAll(() => emulator?.dispose(), 120_000);

function account(name: string, finding: Finding): void {
  process.stdout.write(
    `${name}: ${finding.acknowledged} acknowledged, ${finding.completedBeforeRestart} with a committed result, ${finding.lost.length} lost, ${finding.runAgain.length} run again\n`,
  );
}

describe('what was acknowledged survives the death of the emulator', () => {
  for (const name of FAILPOINTS) {
    test(`killed at ${name}`, async () => {
      // The 3rd passage of the rare points, the 20th of the frequent ones: in the middle of the load.
      const hit = /body-file|cancel/.test(name) ? 3 : 20;
      const finding = await crashRound(emulator, name, { rules: [{ name, hit, action: 'kill' }] });
      account(name, finding);
      expect(finding).toMatchObject(clean);
      expect(finding.acknowledged).toBeGreaterThan(0);
    }, 180_000);
  }

  for (let i = 0; i < RANDOM_MOMENTS; i++) {
    test(`killed at random moment ${i + 1}`, async () => {
      const killAfterMs = 20 + Math.floor(Math.random() * 1500);
      const finding = await crashRound(emulator, `moment-${i + 1}-${killAfterMs}ms`, { killAfterMs });
      account(`random moment ${i + 1} (${killAfterMs} ms)`, finding);
      expect(finding, `killed after ${killAfterMs} ms`).toMatchObject(clean);
    }, 180_000);
  }

  test('this suite goes red with a store that acknowledges before its commit', async () => {
    // Faults are only taken where failpoints are armed, so an empty list is. A moment may fall between two batches: five tries.
    const lost: number[] = [];
    for (let i = 0; i < 5 && !lost.some((n) => n > 0); i++) {
      const death = { rules: [], sabotage: 'ack-before-commit', killAfterMs: 400 + 170 * i };
      lost.push((await crashRound(emulator, `sabotage-${i}`, death)).lost.length);
    }
    expect(Math.max(...lost)).toBeGreaterThan(0);
  }, 300_000);
});

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { testPython } from '../../../test/support/python.ts';

/** Whether Python compiles each text; one process for all. */
export async function compiles(texts: readonly Uint8Array[]): Promise<boolean[]> {
  if (texts.length === 0) return [];
  const run = spawnSync(await testPython(), [path.join(import.meta.dirname, 'compiles.py')], {
    input: texts.map((text) => `${Buffer.from(text).toString('base64')}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  const answers = run.stdout.trim().split('\n');
  if (run.stderr !== '' || answers.length !== texts.length) throw new Error(`Python gave no answer: ${run.stderr}`);
  return answers.map((answer) => answer === '1');
}

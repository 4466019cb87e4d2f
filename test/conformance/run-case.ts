import path from 'node:path';
import type { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { sitePackages } from '../support/site-packages.ts';

/** A program that runs the cases of one client by number. */
export interface CaseProgram {
  command: string;
  script: string;
}

interface CaseResult {
  item: string;
  error: string | null;
  ms: number;
}

/** The cases of the pinned clients: J = @fal-ai/client, P = fal_client and fal.apps. */
export async function pinnedClient(client: 'J' | 'P'): Promise<CaseProgram> {
  if (client === 'J') return { command: process.execPath, script: path.join(import.meta.dirname, 'js/run.mjs') };
  return { command: await testPython(), script: path.join(import.meta.dirname, 'py/run.py') };
}

/** Runs one case under exec, in a process of its own: a case can't spoil the next one's state. Throws what it threw. */
export async function runCase(emulator: EmulatorUnderTest, program: CaseProgram, item: number): Promise<void> {
  const env = item === 62 ? { WT_SITES: await sitePackages() } : {};
  const { stdout, stderr, code } = await emulator.exec(program.command, [program.script, String(item)], env);
  let result: CaseResult;
  try {
    result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    throw new Error(`The case printed no result (exit ${code}).\n${stdout}\n${stderr}`);
  }
  if (result.error !== null) throw new Error(result.error);
}

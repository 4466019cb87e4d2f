import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import type { EmulatorUnderTest, RunResult } from '../support/emulator.ts';

/** Runs the unmodified fal CLI under `windtunnel exec`; fails the test when it does not end with `code`. */
export async function fal(emulator: EmulatorUnderTest, ...args: string[]): Promise<string> {
  const result = await tryFal(emulator, ...args);
  expect(result.code, `fal ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}

export function tryFal(emulator: EmulatorUnderTest, ...args: string[]): Promise<RunResult> {
  return emulator.exec('fal', args, { NO_COLOR: '1', COLUMNS: '200' });
}

/** The JSON document that a command prints with `--output json`. */
export async function falJson(emulator: EmulatorUnderTest, ...args: string[]): Promise<Record<string, unknown>> {
  const stdout = await fal(emulator, ...args, '--output', 'json');
  return JSON.parse(stdout.slice(stdout.indexOf('{')));
}

export interface Runner {
  runner_id: string;
  alias: string;
  revision: string;
  state: string;
  machine_type: string;
}

export async function listRunners(emulator: EmulatorUnderTest, ...args: string[]): Promise<Runner[]> {
  return (await falJson(emulator, 'runners', 'list', ...args)).runners as Runner[];
}

/** What the apps of this suite read at their start. */
export function setVersion(emulator: EmulatorUnderTest, version: string): void {
  writeFileSync(path.join(emulator.workspace, 'version.txt'), version);
}

/** The answer of the deployed shop to one direct call. */
export async function sell(
  emulator: EmulatorUnderTest,
  app = 'local/shop',
): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(`${emulator.url}/run/${app}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"n": 1}',
  });
  return [answer.status, z.record(z.string(), z.unknown()).parse(await answer.json())];
}

/** Waits for a condition that something else brings about; fails with what was last seen. */
export async function until<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  let seen = await look();
  for (let i = 0; i < 300 && !wanted(seen); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    seen = await look();
  }
  expect(wanted(seen), JSON.stringify(seen)).toBe(true);
  return seen;
}

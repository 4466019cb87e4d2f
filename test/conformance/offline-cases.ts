import { spawn } from 'node:child_process';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { DockerUnderTest, type EngineUnderTest } from '../support/engine-under-test.ts';
import { emptyNetwork } from '../support/namespace.ts';
import { requires } from '../support/skip.ts';
import type { OfflineResult } from './offline/session.ts';

/** A run of emulator, apps and clients where nothing is but loopback; of containers, behind a way out that is watched. */
export function offlineCases(engine: EngineUnderTest): void {
  // What the apps require comes from an index: their environments are built where there is one.
  beforeAll(async () => {
    if (!(await engine.start())) return;
    const emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')], engine.env());
    try {
      await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/line.py')]);
    } finally {
      await emulator.dispose();
    }
  }, 300_000);

  test('#65 E: nothing of a whole run leaves the machine', { timeout: 300_000 }, async (context) => {
    await requires('emptyNetwork')(context);
    const daemon = engine instanceof DockerUnderTest ? engine.daemon : null;
    const watch = daemon?.closeWayOut();
    try {
      const result = await offline(emptyNetwork({ mounts: true }) ?? [], engine.env(), context.signal);
      expect(Object.entries(result.cases).filter(([, error]) => error !== null)).toEqual([]);
      expect(Object.keys(result.cases).length).toBeGreaterThanOrEqual(12);
      expect(result.looked, 'no name is looked up at all').toEqual([]);
      expect(result.control, 'the log sees a call that is not led here').toEqual(
        expect.arrayContaining(['fal.run', 'queue.fal.run']),
      );
      if (!daemon || !watch) return;
      expect(watch.packets(), 'no container sends anything').toBe(0);
      await daemon.callOut();
      expect(watch.packets(), 'the watch sees a container that calls out').toBeGreaterThan(0);
    } finally {
      watch?.open();
    }
  });
}

async function offline(namespace: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<OfflineResult> {
  const [command = '', ...args] = [
    ...namespace,
    process.execPath,
    path.join(import.meta.dirname, 'offline/session.ts'),
  ];
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  expect(code, out).toBe(0);
  return JSON.parse(out);
}

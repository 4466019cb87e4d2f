import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { has, requires } from '../../support/skip.ts';
import { Workbench, type WorkbenchOptions } from './workbench.ts';

/**
 * Workbenches of a test file: skipped where there is no Chromium, pictured where a test fails, closed after each test. With
 * `shared`, one for all tests of the file; a second try of a test has a new one, for nobody knows what the first has left in it.
 */
export function useWorkbench(shared?: () => WorkbenchOptions | Promise<WorkbenchOptions>): {
  open(options: WorkbenchOptions): Promise<Workbench>;
  readonly shared: Workbench;
} {
  let current: Workbench | undefined;
  const open = async (options: WorkbenchOptions) => {
    await close();
    current = await Workbench.open(options);
    return current;
  };
  const close = async () => {
    await current?.close();
    current = undefined;
  };
  beforeEach(requires('chromium'));
  if (shared) {
    const openShared = async () => {
      if (!(await has('chromium'))) return;
      await close();
      await open(await shared());
    };
    beforeAll(openShared, 300_000);
    beforeEach(async ({ task }) => {
      if ((task.result?.retryCount ?? 0) > 0) await openShared();
    }, 300_000);
    afterAll(close, 120_000);
  }
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await current?.picture(`failed-${task.name.slice(0, 40)}`);
    if (!shared) await close();
  }, 120_000);
  return {
    open,
    get shared() {
      if (!current) throw new Error('There is no shared workbench.');
      return current;
    },
  };
}

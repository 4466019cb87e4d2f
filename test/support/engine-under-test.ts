import { TestDaemon, type TestDaemonOptions } from './docker/test-daemon.ts';
import { has } from './skip.ts';

/** The engine that a set of cases is run on. */
export interface EngineUnderTest {
  readonly name: 'process' | 'docker';
  /** Starts what it needs; false where this machine has not what it takes, and its tests are skipped. */
  start(): Promise<boolean>;
  /** What leads an emulator there. */
  env(): NodeJS.ProcessEnv;
  dispose(): Promise<void>;
}

export const PROCESS_ENGINE: EngineUnderTest = {
  name: 'process',
  start: async () => true,
  env: () => ({}),
  dispose: async () => undefined,
};

/** A real daemon that the cases share: its base image is imported once, and each environment is built once. */
export class DockerUnderTest implements EngineUnderTest {
  readonly name = 'docker';
  private readonly options: TestDaemonOptions;
  private starting: Promise<boolean> | null = null;
  private running: TestDaemon | null = null;

  constructor(options: TestDaemonOptions = {}) {
    this.options = options;
  }

  get daemon(): TestDaemon {
    if (!this.running) throw new Error('The daemon was not started.');
    return this.running;
  }

  start(): Promise<boolean> {
    this.starting ??= this.boot();
    return this.starting;
  }

  env(): NodeJS.ProcessEnv {
    return { ...this.daemon.env, WINDTUNNEL_TEST_ENGINE: 'docker' };
  }

  async dispose(): Promise<void> {
    await this.running?.dispose();
    this.running = null;
  }

  private async boot(): Promise<boolean> {
    if (!(await has('dockerd'))) return false;
    this.running = await TestDaemon.start(this.options);
    return true;
  }
}

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { RUNNER_SECRET_HEADER } from '../../emulator/contract/index.ts';
import { sourcePayload, TestBed, until } from '../../emulator/engines/process/testing.ts';

/** A runner as the emulator starts it, harness and all, to be called without the emulator. */
export class BareRunner {
  /** The unix socket of its app. */
  readonly socket: string;
  /** Headers without which the harness refuses, or does less than it does for a request of the emulator. */
  readonly headers: Record<string, string>;
  private readonly bed: TestBed;

  private constructor(bed: TestBed, socket: string, headers: Record<string, string>) {
    this.bed = bed;
    this.socket = socket;
    this.headers = headers;
  }

  static async start(python: string, file: string, symbol: string): Promise<BareRunner> {
    const bed = await TestBed.make();
    try {
      const spec = bed.spec(sourcePayload(file, symbol), {
        environment: { kind: 'venv', python, key: 'bench', pythonVersion: '', falVersion: '' },
      });
      const { handle } = await bed.start(spec);
      await handle.ready;
      const run = path.join(bed.folder, 'run');
      const sockets = () =>
        readdirSync(run, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('app.sock'));
      await until('the runner has a socket', () => sockets().length === 1);
      const headers = { [RUNNER_SECRET_HEADER]: spec.secret, 'x-fal-request-id': spec.id };
      return new BareRunner(bed, path.join(run, sockets()[0]!), headers);
    } catch (error) {
      await bed.dispose();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await this.bed.dispose();
  }
}

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RunnerExit } from '../../emulator/contract/index.ts';
import type { EmulatorUnderTest } from '../support/emulator.ts';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Calls of one app, and the gates at which its requests wait. */
export class Calls {
  private readonly emulator: EmulatorUnderTest;
  private readonly app: string;

  constructor(emulator: EmulatorUnderTest, app: string) {
    this.emulator = emulator;
    this.app = app;
  }

  async direct(endpoint: string, body: unknown = {}): Promise<Answer> {
    return this.post(`/run/${this.app}${endpoint}`, body);
  }

  /** The id of a request in the queue. */
  async submit(endpoint: string, body: unknown = {}): Promise<string> {
    const { body: answer } = await this.post(`/queue/${this.app}${endpoint}`, body);
    return String(answer.request_id);
  }

  async status(id: string): Promise<string> {
    const answer = await fetch(`${this.emulator.url}/queue/${this.app}/requests/${id}/status`);
    return ((await answer.json()) as { status: string }).status;
  }

  async result(id: string, seconds = 120): Promise<Answer> {
    await until(async () => (await this.status(id)) === 'COMPLETED', `request ${id} to complete`, seconds);
    const answer = await fetch(`${this.emulator.url}/queue/${this.app}/requests/${id}`);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /** Waits until a request of `/wait` runs. */
  async begun(name: string): Promise<void> {
    await until(async () => existsSync(this.gate(`${name}.begun`)), `gate ${name}`);
  }

  gate(file: string): string {
    return path.join(this.emulator.folder, 'wt/data', file);
  }

  private async post(pathname: string, body: unknown): Promise<Answer> {
    const answer = await fetch(`${this.emulator.url}${pathname}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(100_000),
    }).catch((cause: unknown) => {
      throw new Error(`${pathname} was not answered.`, { cause });
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }
}

/** The end of a runner by this cause, which may have been already; fails after that many seconds, with the ends that came. */
export async function exitBy(
  emulator: EmulatorUnderTest,
  cause: RunnerExit['cause'],
  seconds = 60,
): Promise<RunnerExit> {
  const done = new AbortController();
  const limit = setTimeout(() => done.abort(), seconds * 1000);
  const others: RunnerExit[] = [];
  try {
    for await (const event of emulator.client.events({ replay: true }, done.signal)) {
      if (event.type !== 'runner.exit') continue;
      if (event.exit.cause === cause) return event.exit;
      others.push(event.exit);
    }
  } catch (error) {
    if (!done.signal.aborted) throw error;
  } finally {
    clearTimeout(limit);
    done.abort();
  }
  throw new Error(`No end by ${cause} in ${seconds} s; there were: ${JSON.stringify(others)}`);
}

/** Asks until it holds; fails after that many seconds. */
export async function until(holds: () => Promise<boolean>, what: string, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${seconds} s for ${what}.`);
}

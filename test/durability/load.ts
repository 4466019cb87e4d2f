import { Pool } from 'undici';

const APP = 'local/witness';

/** Clients that submit, poll and cancel until the emulator dies, and remember exactly what they were told. */
export class Load {
  /** Request id → key, for each submit that was answered with 200. */
  readonly acknowledged = new Map<string, string>();
  /** Ids whose cancellation was asked for, answered or not. */
  readonly cancelSent = new Set<string>();
  /** Ids whose cancellation was answered with 202. */
  readonly cancelled = new Set<string>();
  /** Ids that a client saw COMPLETED. */
  readonly seenCompleted = new Set<string>();
  private readonly pool: Pool;
  private next = 0;
  private stopped = false;

  private readonly round: string;

  constructor(url: string, round: string) {
    this.round = round;
    this.pool = new Pool(url, { connections: 24 });
  }

  /** Runs until the emulator is gone or `stop`; at most `limit` submits. */
  async run(clients: number, limit: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.client(limit)));
    await this.pool.destroy();
  }

  stop(): void {
    this.stopped = true;
  }

  private async client(limit: number): Promise<void> {
    while (!this.stopped && this.next < limit) {
      const number = this.next++;
      try {
        await this.one(number);
      } catch (error) {
        // The emulator died under the call, which is what the round is for: nothing was acknowledged.
        if (this.isDown(error)) return;
        throw error;
      }
    }
  }

  private async one(number: number): Promise<void> {
    const key = `${this.round}-${number}`;
    // Each tenth input is over the size that rows hold, so that body files are part of it.
    const pad = number % 10 === 3 ? 'x'.repeat(1_200_000) : '';
    const sent = await this.call('POST', `/queue/${APP}`, { key, pad });
    if (sent.status !== 200) throw new Error(`submit answered ${sent.status}: ${JSON.stringify(sent.body)}`);
    const id = String(sent.body.request_id);
    this.acknowledged.set(id, key);
    if (number % 7 === 5) {
      this.cancelSent.add(id);
      const answer = await this.call('PUT', `/queue/${APP}/requests/${id}/cancel`);
      if (answer.status === 202) this.cancelled.add(id);
    } else if (number % 3 === 0) {
      const status = await this.call('GET', `/queue/${APP}/requests/${id}/status`);
      if (status.body.status === 'COMPLETED') this.seenCompleted.add(id);
    }
  }

  private async call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) {
    const answer = await this.pool.request({
      method,
      path,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
  }

  private isDown(error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return /^(ECONN|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED|ENOENT)/.test(code) || this.stopped;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** What became of the traffic: each kind with how often it ended how. */
export type Tally = Record<string, Record<string, number>>;

interface Submitted {
  request_id: string;
}

interface Status {
  status: string;
  error_type?: string;
}

/** Longer than any request of the soak takes, its retries and a redeploy included; past it a request is stuck. */
const STUCK_MS = 180_000;

/**
 * Clients of one app that submit, call, stream, talk, cancel and crash it, until `stop`. Queued requests have to end, each with
 * its own answer; a direct call may be told that its runner is gone.
 */
export class Traffic {
  readonly tally: Tally = {};
  private readonly url: string;
  private readonly app: string;
  /** Told each rule that was broken, in one line. */
  private readonly onBroken: (what: string) => void;
  private stopped = false;
  private count = 0;

  constructor(url: string, app: string, onBroken: (what: string) => void) {
    this.url = url;
    this.app = app;
    this.onBroken = onBroken;
  }

  async run(clients: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.client()));
  }

  stop(): void {
    this.stopped = true;
  }

  private async client(): Promise<void> {
    while (!this.stopped) {
      const number = this.count++;
      const key = `k${number}`;
      const kind = KINDS[number % KINDS.length]!;
      try {
        this.note(kind, await this[kind](key));
      } catch (error) {
        this.onBroken(`${kind} ${key}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await sleep(100);
    }
  }

  private async queue(key: string): Promise<string> {
    const id = await this.submit('', { key });
    await this.completed(id, key);
    return this.mustBe(id, key);
  }

  private async crash(key: string): Promise<string> {
    const id = await this.submit('/crash', { key });
    await this.completed(id, key);
    return this.mustBe(id, key);
  }

  private async cancel(key: string): Promise<string> {
    const id = await this.submit('/long', { key });
    const until = performance.now() + STUCK_MS;
    for (let status = ''; status !== 'IN_PROGRESS' && status !== 'COMPLETED'; ) {
      if (performance.now() > until) throw new Error(`${id} did not begin`);
      await sleep(100);
      status = (await this.status(id)).status;
    }
    const answer = await this.call('PUT', `/queue/${this.app}/requests/${id}/cancel`);
    if (answer.status !== 202 && answer.status !== 400) throw new Error(`cancel answered ${answer.status}`);
    await this.completed(id, key);
    return `result ${(await this.call('GET', `/queue/${this.app}/requests/${id}`)).status}`;
  }

  private async direct(key: string): Promise<string> {
    const answer = await this.call('POST', `/run/${this.app}`, { key });
    // A neighbor crashed the runner under it, before or in the middle of its answer, and direct calls are not retried.
    if (answer.status === 503 || answer.status === 502) return String(answer.status);
    if (answer.status !== 200 || answer.body.key !== key) throw new Error(`run answered ${answer.status}`);
    return '200';
  }

  private async stream(key: string): Promise<string> {
    const answer = await fetch(`${this.url}/run/${this.app}/stream`, json({ key }));
    if (answer.status === 503) return '503';
    try {
      const events = (await answer.text()).split('data: ').length - 1;
      return events === 5 ? 'whole' : 'broken off';
    } catch {
      return 'broken off';
    }
  }

  private realtime(key: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${this.url.replace('http', 'ws')}/run/${this.app}/session`);
      let echoes = 0;
      socket.on('open', () => socket.send(key));
      socket.on('message', (data) => {
        if (String(data) === key) echoes++;
        if (echoes < 3) socket.send(key);
      });
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve(echoes === 3 ? 'whole' : 'broken off'));
    });
  }

  private async submit(path: string, body: unknown): Promise<string> {
    const answer = await this.call('POST', `/queue/${this.app}${path}`, body);
    if (answer.status !== 200) throw new Error(`submit answered ${answer.status}`);
    return (answer.body as unknown as Submitted).request_id;
  }

  private async completed(id: string, key: string): Promise<void> {
    const until = performance.now() + STUCK_MS;
    while ((await this.status(id)).status !== 'COMPLETED') {
      if (performance.now() > until) throw new Error(`${id} (${key}) is stuck`);
      await sleep(100);
    }
  }

  private async status(id: string): Promise<Status> {
    const answer = await this.call('GET', `/queue/${this.app}/requests/${id}/status`);
    if (answer.status !== 200 && answer.status !== 202) throw new Error(`${id} is lost: ${answer.status}`);
    return answer.body as unknown as Status;
  }

  private async mustBe(id: string, key: string): Promise<string> {
    const result = await this.call('GET', `/queue/${this.app}/requests/${id}`);
    if (result.status !== 200 || result.body.key !== key) {
      throw new Error(`${id} ended with ${result.status} ${JSON.stringify(result.body)}`);
    }
    return '200';
  }

  private async call(method: string, path: string, body?: unknown) {
    const answer = await fetch(`${this.url}${path}`, body === undefined ? { method } : { ...json(body), method });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  private note(kind: string, outcome: string): void {
    const outcomes = this.tally[kind] ?? {};
    this.tally[kind] = outcomes;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
}

/** One in so many is a crash: each costs a start, and the neighbors of its runner an attempt. */
const KINDS = [
  ...['queue', 'direct', 'stream', 'queue', 'realtime', 'direct', 'queue', 'cancel', 'direct', 'queue'],
  ...['stream', 'queue', 'realtime', 'direct', 'queue', 'queue', 'direct', 'stream', 'queue', 'direct'],
  ...['queue', 'direct', 'realtime', 'queue', 'cancel', 'direct', 'queue', 'stream', 'queue', 'direct'],
  ...['queue', 'direct', 'stream', 'queue', 'realtime', 'direct', 'queue', 'direct', 'queue', 'crash'],
] as ('queue' | 'direct' | 'stream' | 'realtime' | 'cancel' | 'crash')[];

function json(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

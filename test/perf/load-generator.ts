// `node load-generator.ts PLAN_JSON` prints FIGURES_JSON. A process of its own: it shares no event loop with what it measures.
import { type Address, RawClient, requestBytes } from './raw-client.ts';

/** One of the cases that are compared. */
export interface Case {
  name: string;
  address: Address;
  path: string;
  /** `call`: one request and its answer. `queue`: submit, follow the status stream to the end, fetch the result. */
  kind: 'call' | 'queue';
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body: string | null;
  expectStatus: number;
}

/** All cases in turn, round after round, so that what else the machine does weighs on each of them alike. */
export interface Plan {
  cases: Case[];
  concurrency: number;
  rounds: number;
  /** Requests of each case in each round. */
  count: number;
  /** Requests of each case before the first round, unmeasured. */
  warmUp: number;
}

export interface Round {
  perSecond: number;
  /** ms. */
  p50: number;
  p99: number;
}

/** Medians over the rounds, and the rounds by themselves in the order in which they ran. */
export interface Series extends Round {
  rounds: Round[];
}

/** Runs a plan; rejects at the first answer that is not as expected. */
async function measure(plan: Plan): Promise<Record<string, Series>> {
  const lanes: (() => Promise<void>)[][] = [];
  const clients: RawClient[] = [];
  for (const one of plan.cases) {
    const opened = Array.from({ length: plan.concurrency }, () => new RawClient(one.address));
    clients.push(...opened);
    lanes.push(opened.map((client) => (one.kind === 'call' ? caller(client, one) : queueCaller(client, one))));
  }
  const rounds: Round[][] = plan.cases.map(() => []);
  if (plan.warmUp > 0) for (const some of lanes) await repeat(some, plan.warmUp);
  for (let round = 0; round < plan.rounds; round++) {
    // There and back again: a trend over time favours nobody.
    const order = plan.cases.map((_, index) => index);
    if (round % 2 === 1) order.reverse();
    for (const index of order) rounds[index]!.push(await oneRound(lanes[index]!, plan.count));
  }
  for (const client of clients) client.close();
  return Object.fromEntries(plan.cases.map(({ name }, index) => [name, summary(rounds[index]!)]));
}

async function oneRound(lanes: readonly (() => Promise<void>)[], count: number): Promise<Round> {
  const started = performance.now();
  const times = await repeat(lanes, count);
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  return { perSecond: count / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** ms of each. */
async function repeat(lanes: readonly (() => Promise<void>)[], count: number): Promise<number[]> {
  const times: number[] = [];
  let begun = 0;
  const work = async (once: () => Promise<void>) => {
    while (begun < count) {
      begun += 1;
      const at = performance.now();
      await once();
      times.push(performance.now() - at);
    }
  };
  await Promise.all(lanes.map(work));
  return times;
}

function caller(client: RawClient, { method, path, headers, body, expectStatus }: Case): () => Promise<void> {
  const request = requestBytes(method, path, headers, body);
  return async () => {
    const answer = await client.send(request);
    if (answer.status !== expectStatus) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  };
}

function queueCaller(client: RawClient, { path, headers, body }: Case): () => Promise<void> {
  const submit = requestBytes('POST', path, headers, body);
  return async () => {
    const submitted = await client.send(submit);
    const id = /"request_id":"([^"]+)"/.exec(submitted.body)?.[1];
    if (submitted.status !== 200 || id === undefined) throw new Error(`${submitted.status} ${submitted.body}`);
    const events = await client.send(requestBytes('GET', `${path}/requests/${id}/status/stream`, headers));
    if (!events.body.includes('"COMPLETED"')) throw new Error(`The status stream ended with ${events.body}`);
    const result = await client.send(requestBytes('GET', `${path}/requests/${id}`, headers));
    if (result.status !== 200 || result.body !== body) throw new Error(`Result: ${result.status} ${result.body}`);
  };
}

function summary(rounds: Round[]): Series {
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  return { perSecond: middle((r) => r.perSecond), p50: middle((r) => r.p50), p99: middle((r) => r.p99), rounds };
}

function median(values: number[]): number {
  return quantile(
    values.sort((a, b) => a - b),
    0.5,
  );
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN;
}

if (process.argv[1] === import.meta.filename) {
  const plan: Plan = JSON.parse(process.argv[2] ?? '');
  process.stdout.write(JSON.stringify(await measure(plan)));
}

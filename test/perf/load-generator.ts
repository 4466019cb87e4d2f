import { Pool } from 'undici';

/** One measurement, as given to this program on its command line as JSON. */
export interface Load {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  path: string;
  /** `call`: one request and its answer. `queue`: submit, follow the status stream to the end, fetch the result. */
  kind: 'call' | 'queue';
  method: 'GET' | 'POST';
  body: string | null;
  expectStatus: number[];
  concurrency: number;
  /** Measured requests; a tenth as many, at least 20, go before them unmeasured. 0 warms up with nothing. */
  count: number;
  warmUp: boolean;
}

export interface LoadFigures {
  perSecond: number;
  /** ms. */
  p50: number;
  p99: number;
}

const HEADERS = { 'content-type': 'application/json' };

/** Runs one measurement; rejects at the first answer that is not as expected. */
async function measure(load: Load): Promise<LoadFigures> {
  const pool = new Pool(load.origin, { connections: load.concurrency, pipelining: 1 });
  const once = load.kind === 'call' ? () => call(pool, load) : () => throughQueue(pool, load);
  if (load.warmUp) await repeat(once, Math.max(20, Math.floor(load.count / 10)), load.concurrency);
  const started = performance.now();
  const times = await repeat(once, load.count, load.concurrency);
  const seconds = (performance.now() - started) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  return { perSecond: load.count / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** ms of each. */
async function repeat(once: () => Promise<void>, count: number, concurrency: number): Promise<number[]> {
  const times: number[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun < count) {
      begun += 1;
      const at = performance.now();
      await once();
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return times;
}

async function call(pool: Pool, load: Load): Promise<void> {
  const { path, method, body } = load;
  const answer = await pool.request({ path, method, body, headers: HEADERS });
  const text = await answer.body.text();
  if (!load.expectStatus.includes(answer.statusCode)) throw new Error(`${path}: ${answer.statusCode} ${text}`);
}

async function throughQueue(pool: Pool, load: Load): Promise<void> {
  const submitted = await pool.request({ path: load.path, method: 'POST', body: load.body, headers: HEADERS });
  const { request_id: id } = (await submitted.body.json()) as { request_id: string };
  const base = `${load.path}/requests/${id}`;
  const events = await pool.request({ path: `${base}/status/stream`, method: 'GET' });
  let last = '';
  for await (const chunk of events.body) last = String(chunk);
  if (!last.includes('"COMPLETED"')) throw new Error(`The status stream ended with ${last}`);
  const result = await pool.request({ path: base, method: 'GET' });
  const text = await result.body.text();
  if (result.statusCode !== 200 || text !== load.body) throw new Error(`Result: ${result.statusCode} ${text}`);
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN;
}

if (process.argv[1] === import.meta.filename) {
  const load: Load = JSON.parse(process.argv[2] ?? '');
  process.stdout.write(JSON.stringify(await measure(load)));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../../test/support/fleet-fixture.ts';
import { EventBus } from '../../core/event-bus.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { createLog } from '../../core/log.ts';
import { DocumentTable } from '../../store/documents.ts';
import { BlobStore } from '../deployments/blob-store.ts';
import { Registry } from '../deployments/registry.ts';
import { RunRequestSchema } from '../deployments/requests.ts';
import { FunctionRuns } from './function-runs.ts';

let f: Fixture;
let runs: FunctionRuns;
let folder: string;
let sent: object[];
/** Requests that the runner has answered. */
let answered: string[];

beforeEach(() => {
  const clock = new FakeClock();
  const bus = new EventBus(clock);
  f = startFleet({ bus, clock });
  f.engine.tellsEnds = false;
  sent = [];
  answered = [];
  folder = mkdtempSync(path.join(tmpdir(), 'wt-runs-'));
  const surroundings = {
    owner: 'local',
    workspace: folder,
    blobs: new BlobStore(folder),
    secretEnv: () => ({}),
    buildSecrets: () => ({}),
    engine: 'auto' as const,
    publicUrl: () => 'http://127.0.0.1:1',
  };
  const registry = new Registry(new DocumentTable(async () => undefined), clock);
  const log = createLog(() => undefined);
  runs = new FunctionRuns({ fleet: f.fleet, registry, surroundings, bus, clock, log });
});

afterEach(async () => {
  runs.dispose();
  await f.fleet.dispose();
  await f.engine.dispose();
  rmSync(folder, { recursive: true, force: true });
  expect(f.complaints).toEqual([]);
});

/** A call's answer as runner/calls.py frames it. */
function frame(head: object, result = ''): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, Buffer.from(result)]);
}

function run(answer: Buffer): Promise<void> {
  f.engine.app = (request, response) => {
    response.once('close', () => answered.push(String(request.headers['x-fal-request-id'])));
    response.writeHead(200).end(answer);
  };
  const request = RunRequestSchema.parse({
    environments: [{ kind: 'virtualenv', configuration: {} }],
    function: { method: 'cloudpickle', definition: Buffer.from('pickled') },
  });
  const call = { signal: new AbortController().signal, host: 'api.alpha.fal.ai' };
  return runs.run(request, call, async (message) => void sent.push(message));
}

const settle = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

const returned = { method: 'cloudpickle', was_it_raised: false, stringized_traceback: null, result: 6 };

it.each([
  ['a result', frame(returned, 'pickle'), undefined],
  ['an answer that it cannot be run', frame({ abort: 'no callable' }), 'no callable'],
])('%s comes after the last line, which was printed before it and told later', async (_name, answer, error) => {
  const running = run(answer);
  running.catch(() => undefined);
  await f.until(() => answered.length === 1);
  await settle();
  expect(JSON.stringify(sent)).not.toContain('SUCCESS');
  const { hooks } = f.engine.runners[0]!;
  hooks.onLog({ request: answered[0]!, level: 'STDOUT', message: 'last words', at: 0 });
  hooks.onRequestEnd(answered[0]!);
  if (error === undefined) await running;
  else await expect(running).rejects.toThrow(error);
  const texts = sent.map((message) => JSON.stringify(message));
  expect(texts.findIndex((text) => text.includes('last words'))).toBe(1);
  expect(texts.findIndex((text) => text.includes('SUCCESS'))).toBe(error === undefined ? 2 : -1);
});

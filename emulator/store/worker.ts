import { parentPort, workerData } from 'node:worker_threads';
import { armFailpoints, noFailpoints } from '../core/failpoints.ts';
import { Committer } from './committer.ts';
import { openDatabase, reconcileBodies } from './database.ts';
import { toFailure } from './failure.ts';
import type { Acks, FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { Statements } from './statements.ts';

// The writer thread: the one connection to the state. Started by WriterThread.

if (!parentPort) throw new Error('this file is a worker thread of the store');
const port = parentPort;
const start = workerData as WorkerStart;
const post = (message: FromWorker, transfer?: ArrayBuffer[]): void => port.postMessage(message, transfer);

try {
  serve();
} catch (error) {
  post({ type: 'failed', failure: toFailure(error, start.dir) });
  port.close();
}

function serve(): void {
  const sabotage = start.failpoints === null ? null : start.sabotage;
  const db = openDatabase(start.dir, sabotage);
  const statements = new Statements(db);
  for (const rows of statements.requests()) post({ type: 'records', rows });
  post({ type: 'documents', documents: statements.documents() });
  post({ type: 'logs', totals: statements.logTotals() });
  post({ type: 'deliveries', rows: statements.deliveries() });
  post({ type: 'opened', lastSeq: statements.lastSeq(), ...reconcileBodies(db, start.dir) });

  // The whole process, not this thread alone.
  const kill = () => process.kill(process.pid, 'SIGKILL');
  const failpoints = start.failpoints === null ? noFailpoints : armFailpoints(start.failpoints, kill);
  const committer = new Committer({ db, statements, dir: start.dir, failpoints, sabotage, answer });
  port.on('message', (message: ToWorker) => {
    if (message.type === 'ops') return committer.push(message.ops);
    committer.drain();
    db.close();
    post({ type: 'closed' });
    port.close();
  });
}

function answer(acks: Acks): void {
  const moved: ArrayBuffer[] = [];
  for (const [, value] of acks.values) {
    if (value === null || typeof value === 'string' || Array.isArray(value)) continue;
    if (value.bytes?.buffer instanceof ArrayBuffer) moved.push(value.bytes.buffer);
  }
  post({ type: 'acks', ...acks }, moved);
}

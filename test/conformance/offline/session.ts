// In a namespace with nothing but loopback: a whole run of emulator, apps and clients, and the names that were looked up.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { EmulatorUnderTest } from '../../support/emulator.ts';
import { raiseLoopback } from '../../support/namespace.ts';
import { testPython } from '../../support/python.ts';
import { pinnedClient, runCase } from '../run-case.ts';
import { startDnsLog } from './dns-log.ts';

/** What a run does with fal: submit, run, stream, upload, files that an app makes and reads, an app that calls another, what is not here. */
const CASES = [
  ['J', 1],
  ['J', 39],
  ['J', 43],
  ['J', 51],
  ['P', 1],
  ['P', 39],
  ['P', 42],
  ['P', 53],
  ['P', 56],
  ['P', 57],
  ['P', 69],
  ['P', 71],
] as const;

export interface OfflineResult {
  /** By client and item: null or its error. */
  cases: Record<string, string | null>;
  /** Names looked up during the run, by anyone in the namespace. */
  looked: string[];
  /** Names looked up when clients call fal without exec: shows that the log sees such a call. */
  control: string[];
}

raiseLoopback();
const folder = mkdtempSync(path.join(tmpdir(), 'wt-offline-'));
resolveOnlyBy(folder, '127.0.0.1');
const dns = await startDnsLog();
const emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, '../apps')]);
// The test ran out of time.
process.once('SIGTERM', () => void emulator.dispose().finally(() => process.exit(1)));
const cases: OfflineResult['cases'] = {};
try {
  await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/line.py')]);
  for (const [client, item] of CASES) {
    const error = await runCase(emulator, await pinnedClient(client), item).then(
      () => null,
      (thrown: Error) => thrown.message,
    );
    cases[`#${item} ${client}`] = error;
    // Clients that are not led here try again and again: one is enough.
    if (error !== null) break;
  }
} finally {
  await emulator.dispose();
}
const looked = dns.names.splice(0);
const { NODE_OPTIONS: _options, ...plain } = process.env;
const execute = promisify(execFile);
await execute(process.execPath, ['-e', 'fetch("https://fal.run").catch(() => 0)'], { env: plain });
const lookUp = 'import socket\ntry: socket.getaddrinfo("queue.fal.run", 443)\nexcept socket.gaierror: pass';
await execute(await testPython(), ['-c', lookUp], { env: plain });
dns.close();
rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ cases, looked, control: dns.names } satisfies OfflineResult), () =>
  process.exit(0),
);

/** Names are looked up at this server alone, by this namespace's own view of /etc: no service outside is asked. */
function resolveOnlyBy(own: string, server: string): void {
  const files = {
    '/etc/resolv.conf': `nameserver ${server}\noptions timeout:1 attempts:1\n`,
    '/etc/nsswitch.conf': 'hosts: files dns\n',
  };
  for (const [file, text] of Object.entries(files)) {
    if (!existsSync(file)) continue;
    const copy = path.join(own, path.basename(file));
    writeFileSync(copy, text);
    execFileSync('mount', ['--bind', copy, file]);
  }
}

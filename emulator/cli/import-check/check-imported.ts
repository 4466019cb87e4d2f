import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import type { ImportedApp, SourceFolder } from '../../import/platform.ts';

const ResultSchema = z.object({
  name: z.string(),
  /** `alike`: nothing but the same failures was seen on both sides. */
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), detail: z.string(), alike: z.optional(z.boolean()) })),
  /** OpenAPI documents of the apps in the file; null when it could not be imported. */
  apps: z.nullable(z.array(z.unknown())),
  /** Names of the `fal.function`s in the file. */
  functions: z.array(z.string()),
});
export type CheckResult = z.infer<typeof ResultSchema>;

export interface CheckCase {
  name: string;
  folder: SourceFolder;
  app: ImportedApp;
}

const SampleSchema = z.object({ input: z.record(z.string(), z.unknown()) });

/**
 * Runs converted apps under the fal of `python`, and beside their sources on stand-ins, in folders below `work`. One
 * result for each case that has files, as they come. Rejects when the checks themselves cannot run.
 */
export async function* checkImported(
  cases: readonly CheckCase[],
  python: string,
  work: string,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const plan = cases
    .filter(({ app }) => app.files.length > 0)
    .map((one, index) => planOf(one, join(work, String(index))));
  const script = fileURLToPath(new URL('check_imported.py', assetUrl('importCheck')));
  // Neither the settings of this shell nor its keys reach the code of others.
  const env = {
    PATH: process.env.PATH,
    HOME: work,
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
  };
  mkdirSync(work, { recursive: true });
  const child = spawn(python, [script], { cwd: work, env, signal, stdio: ['pipe', 'pipe', 'pipe'] });
  let problems = '';
  child.stderr.on('data', (chunk: Buffer) => {
    problems = (problems + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A Python that ends before it has read the plan says why by its code and its last line.
  child.stdin.once('error', (error) => {
    problems ||= error.message;
  });
  child.stdin.end(JSON.stringify({ cases: plan }));
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    count++;
    yield ResultSchema.parse(JSON.parse(line));
  }
  const code = await ended;
  if (code !== 0 || count < plan.length) {
    throw new WindtunnelError('E_IMPORT_CHECK', `The checks of the imported app could not run: ${lastLine(problems)}`);
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** Writes both sides below `home`, and says what to do with them. */
function planOf({ name, folder, app }: CheckCase, home: string): Record<string, unknown> {
  const put = (base: string, path: string, content: Uint8Array): void => {
    const file = join(home, base, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  for (const [path, content] of folder.files) put('source', path, content);
  for (const { path, content } of app.files) put('converted', path, content);
  const { entry, platform } = app.report;
  const beside = entry.includes('/') ? entry.slice(0, entry.lastIndexOf('/') + 1) : '';
  const sample = folder.files.get(`${beside}test_input.json`) ?? folder.files.get('test_input.json');
  return {
    name,
    platform,
    entry,
    source: join(home, 'source'),
    converted: join(home, 'converted'),
    work: home,
    python: app.files.filter(({ path }) => path.endsWith('.py')).map(({ path }) => path),
    tools: app.files.find(({ path }) => path.endsWith('worker_tools.py'))?.path ?? null,
    /** How the source is called: flash has functions with names where other workers have a handler. */
    kind: platform === 'runpod' && app.served ? 'flash' : platform,
    served: app.served ?? null,
    mounts: app.report.volumes.map(({ from, to }) => ({ from, to })),
    secrets: app.report.secrets.map((secret) => secret.name),
    symbol: app.original?.symbol ?? null,
    streams: app.original?.streams ?? null,
    inputs: platform === 'runpod' && sample ? sampleOf(sample) : [],
  };
}

function sampleOf(bytes: Uint8Array): Record<string, unknown>[] {
  try {
    const parsed = SampleSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? [parsed.data.input] : [];
  } catch (error) {
    // The report says that the sample cannot be read.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

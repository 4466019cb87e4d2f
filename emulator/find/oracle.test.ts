import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { testPython } from '../../test/support/python.ts';
import type { AppSettings, FoundApp } from '../contract/index.ts';
import type { Finder } from './finder.ts';
import { testFinder } from './testing/test-finder.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.py'));

interface OracleApp {
  kind: 'app' | 'function';
  name: string;
  auth: string | null;
  endpoints: { path: string; method: string; kind: string; healthCheck: boolean }[];
  options: Record<string, unknown>;
  requirements: string[] | string[][] | null;
  local_python_modules: string[];
}

/** Settings that source alone can't tell, by file and symbol: all others must be as the SDK has them. */
const UNRESOLVED: Record<string, string[]> = {
  'constants.py::Constants': ['keep_alive', 'app_name'],
  'environment.py::Dynamic': ['keep_alive', 'machine_type', 'requirements'],
  'reassigned.py::Reassigned': ['requirements'],
};

describe('what the SDK itself makes of the same files', () => {
  let finder: Finder;
  let oracle: Record<string, Record<string, OracleApp>>;

  beforeAll(async () => {
    finder = await testFinder();
    const program = path.join(import.meta.dirname, 'oracle.py');
    const { stdout } = await promisify(execFile)(await testPython(), [program, ...files], {
      cwd: FIXTURES,
      maxBuffer: 1 << 24,
    });
    // The SDK prints notes of its own before.
    oracle = JSON.parse(stdout.split('\n').at(-1) ?? '');
  }, 900_000);

  it.each(files)('%s', async (file) => {
    const found = await finder.findInFile(path.join(FIXTURES, file));
    const expected = oracle[file] ?? {};
    expect(found.map((app) => app.symbol).sort()).toEqual(Object.keys(expected).sort());
    for (const app of found) compare(app, expected[app.symbol]!, UNRESOLVED[`${file}::${app.symbol}`] ?? []);
  });

  it('covers at least fifteen files', () => {
    expect(files.length).toBeGreaterThanOrEqual(15);
  });
});

function compare(app: FoundApp, sdk: OracleApp, unresolved: string[]): void {
  expect(app.unresolved.toSorted(), app.symbol).toEqual(unresolved.toSorted());
  if (!unresolved.includes('app_name')) expect(app.name).toBe(sdk.name);
  expect(app.kind).toBe(sdk.kind);
  const routes = app.endpoints.map(({ lines: _, ...endpoint }) => endpoint);
  expect(byPath(routes)).toEqual(byPath(sdk.endpoints));
  const expected = expectedSettings(sdk);
  for (const [name, key] of Object.entries(KEYS)) {
    if (unresolved.includes(name)) continue;
    expect(app.settings[key], `${app.symbol}.${key}`).toEqual(expected[key]);
  }
}

const byPath = <T extends { path: string }>(items: T[]): T[] => items.toSorted((a, b) => (a.path < b.path ? -1 : 1));

/** The SDK's names of what is compared. */
const KEYS: Record<string, keyof AppSettings> = {
  app_auth: 'appAuth',
  machine_type: 'machineTypes',
  num_gpus: 'numGpus',
  kind: 'kind',
  python_version: 'pythonVersion',
  requirements: 'requirements',
  requirements_context_dir: 'requirementsContextDir',
  image: 'image',
  local_python_modules: 'localPythonModules',
  app_files: 'appFiles',
  app_files_ignore: 'appFilesIgnore',
  app_files_context_dir: 'appFilesContextDir',
  exposed_port: 'exposedPort',
  metrics_port: 'metricsPort',
  keep_alive: 'keepAlive',
  min_concurrency: 'minConcurrency',
  max_concurrency: 'maxConcurrency',
  concurrency_buffer: 'concurrencyBuffer',
  concurrency_buffer_perc: 'concurrencyBufferPerc',
  scaling_delay: 'scalingDelay',
  max_multiplexing: 'maxMultiplexing',
  request_timeout: 'requestTimeout',
  request_start_timeout: 'requestStartTimeout',
  startup_timeout: 'startupTimeout',
  termination_grace_period_seconds: 'terminationGracePeriodSeconds',
  skip_retry_conditions: 'skipRetryConditions',
  retry_config: 'retryConfig',
  secrets: 'secrets',
  regions: 'regions',
  data_mounts: 'dataMounts',
  health_check: 'healthCheck',
};

const LISTS = new Set<keyof AppSettings>(['localPythonModules', 'appFiles', 'skipRetryConditions']);
const DEFAULT_IGNORE = ['\\.pyc$', '__pycache__/', '\\.git/', '\\.DS_Store$'];

/** The SDK's options in our shape, with the defaults that it fills in taken out again (null = the author set nothing). */
function expectedSettings(sdk: OracleApp): Record<string, unknown> {
  const expected: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(KEYS)) expected[key] = sdk.options[name] ?? (LISTS.has(key) ? [] : null);
  const isApp = sdk.kind === 'app';
  const machine = sdk.options.machine_type ?? 'XS';
  expected.machineTypes = Array.isArray(machine) ? machine : [machine];
  expected.appAuth = sdk.auth;
  expected.localPythonModules = sdk.local_python_modules;
  const serve = sdk.options.serve === true;
  const requirements = isApp ? sdk.requirements : serve ? [] : sdk.options.requirements;
  expected.requirements = layered(requirements as string[] | string[][] | undefined);
  if (isApp) {
    expected.exposedPort = null;
    if (expected.keepAlive === 60) expected.keepAlive = null;
    if (JSON.stringify(expected.appFilesIgnore) === JSON.stringify(DEFAULT_IGNORE)) expected.appFilesIgnore = null;
  }
  expected.healthCheck = authoredCheck(sdk.options.health_check_config as Record<string, unknown> | null);
  if (sdk.options.image) expected.image = authoredImage(sdk.options.image as Record<string, unknown>);
  return expected;
}

/** `ApplicationHealthCheckConfig` in our shape; it knows no `allow_on_busy`. */
function authoredCheck(config: Record<string, unknown> | null | undefined): Record<string, unknown> | null {
  if (!config) return null;
  const fields = Object.entries(config).map(([name, value]) => [
    name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return { ...Object.fromEntries(fields), allowOnBusy: null };
}

function layered(requirements: string[] | string[][] | undefined): string[][] {
  if (!requirements || requirements.length === 0) return [];
  return typeof requirements[0] === 'string' ? [requirements as string[]] : (requirements as string[][]);
}

/** `ContainerImage.to_dict` without what it adds by itself. */
function authoredImage(image: Record<string, unknown>): Record<string, unknown> {
  const own = ['dockerfile_str', 'build_args', 'registries', 'use_isolate'];
  return Object.fromEntries(
    own.flatMap((name) => {
      const value = image[name];
      const empty = value === undefined || (typeof value === 'object' && Object.keys(value as object).length === 0);
      return empty ? [] : [[name, value]];
    }),
  );
}

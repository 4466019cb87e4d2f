import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import type { HostResult } from './host-runner.ts';
import { serverCache, type VsCodeVersion } from './install-server.ts';
import { desktopVersion, type WhichCode } from './which-code.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const HOST_TESTS = path.join(ROOT, 'test/vscode/host');
const HEADLESS = path.join(import.meta.dirname, 'code-headless.ts');

/**
 * Runs test/vscode/host, or other files, in a real extension host by @vscode/test-electron: in the VS Code that it downloads
 * (`desktop`), or in VS Code's own server, where there is no desktop (`headless`). Resolves with the result of each test.
 */
export async function runHostTests(options: {
  workspace: string;
  code: WhichCode;
  version: VsCodeVersion;
  /** Mocha files below test/, absolute. */
  files?: readonly string[];
  env: NodeJS.ProcessEnv;
}): Promise<HostResult[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'host-'));
  const report = path.join(folder, 'report.json');
  const sources =
    options.files ??
    readdirSync(HOST_TESTS)
      .filter((name) => name.endsWith('.mocha.ts'))
      .map((name) => path.join(HOST_TESTS, name));
  try {
    await build({
      absWorkingDir: ROOT,
      entryPoints: [path.join(import.meta.dirname, 'host-runner.ts'), ...sources],
      outdir: folder,
      outbase: path.join(ROOT, 'test'),
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node22',
      external: ['vscode', 'mocha'],
      define: { 'import.meta.url': '__moduleUrl' },
      banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
      logLevel: 'warning',
    });
    // Mocha stays outside the bundle: its parts find each other by path.
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    mkdirSync(path.join(folder, 'user'));
    const built = (source: string) => path.join(folder, path.relative(path.join(ROOT, 'test'), source));
    const files = sources.map((source) => built(source).replace(/\.ts$/, '.cjs'));
    try {
      await runTests({
        ...(options.code === 'headless'
          ? { vscodeExecutablePath: HEADLESS }
          : { version: desktopVersion(options.version), cachePath: path.join(serverCache(), 'desktop') }),
        extensionDevelopmentPath: ROOT,
        extensionTestsPath: path.join(folder, 'vscode/support/host-runner.cjs'),
        extensionTestsEnv: {
          ...options.env,
          VSCODE_TEST_CACHE: serverCache(),
          VSCODE_TEST_FILES: JSON.stringify(files),
          VSCODE_TEST_REPORT: report,
        },
        launchArgs: [
          options.workspace,
          `--user-data-dir=${path.join(folder, 'user')}`,
          `--extensions-dir=${path.join(folder, 'extensions')}`,
        ],
      });
    } catch (error) {
      // A run with failures rejects too: then the report says which.
      if (!existsSync(report)) throw error;
    }
    return JSON.parse(readFileSync(report, 'utf8')) as HostResult[];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

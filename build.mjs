// Bundles what ships into dist/. Plain JavaScript for Node 20: the bootstrap of `npm run demo` and `npm test` runs it.
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, 'dist');
const watch = process.argv.includes('--watch');
// Built beside dist/ and moved in file by file: an emulator that runs from it reads its runners' files at any time.
const stage = watch ? dist : path.join(root, `dist-${process.pid}`);

/** @type {import('esbuild').BuildOptions} */
const options = {
  absWorkingDir: root,
  entryPoints: { 'emulator-main': 'emulator/cli/main.ts', 'store-worker': 'emulator/store/worker.ts' },
  outdir: stage,
  bundle: true,
  platform: 'node',
  format: 'esm',
  // What is imported on demand (gRPC) stays in files of its own, so that no other command reads them.
  splitting: true,
  chunkNames: 'chunk-[name]-[hash]',
  target: 'node22.15',
  // jsonc-parser's `main` is UMD, whose inner requires no bundler can follow; its `module` is plain ESM.
  mainFields: ['module', 'main'],
  // dockerode's transport loads it, and with it native modules, for connections that we never make.
  alias: { ssh2: path.join(root, 'emulator/engines/docker/no-ssh.cjs') },
  sourcemap: 'linked',
  define: { WINDTUNNEL_BUNDLED: 'true' },
  // Dependencies that are CommonJS call require() for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
};

/** What reads Python source is a third of the extension, and is loaded by the first file that is read: not at activation. */
const finderApart = {
  name: 'finder-apart',
  setup(build) {
    build.onResolve({ filter: /find\/finder\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './finder.cjs', external: true } : undefined,
    );
  },
};

/**
 * The extension: CommonJS, which VS Code loads fastest. Not `.js`, which this package's type makes an ES module.
 * @type {import('esbuild').BuildOptions}
 */
const extension = {
  absWorkingDir: root,
  entryPoints: { extension: 'extension/main.ts' },
  plugins: [finderApart],
  supported: { 'dynamic-import': false },
  outdir: stage,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minify: !watch,
  platform: 'node',
  format: 'cjs',
  target: 'node22.15',
  external: ['vscode'],
  sourcemap: 'linked',
  define: { WINDTUNNEL_BUNDLED: 'true', 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
};

/** @type {import('esbuild').BuildOptions} */
const finder = {
  ...extension,
  entryPoints: { finder: 'emulator/find/finder.ts' },
  plugins: [],
  // tree-sitter makes a `require` of its own, by an import that must stay one.
  supported: {},
};

/**
 * The pages: one script and one style sheet each, for the browser that shows VS Code's webviews.
 * @type {import('esbuild').BuildOptions}
 */
const pages = {
  absWorkingDir: root,
  entryPoints: { 'webview/playground': 'webview/playground/main.tsx', 'webview/timeline': 'webview/timeline/main.tsx' },
  outdir: stage,
  bundle: true,
  minify: !watch,
  platform: 'browser',
  format: 'iife',
  target: 'chrome128',
  jsx: 'automatic',
  // React's development build is several times the size.
  define: { 'process.env.NODE_ENV': watch ? '"development"' : '"production"' },
  // Twice the size of all the rest, for nobody but who works on them.
  sourcemap: watch ? 'linked' : false,
  logLevel: 'warning',
};

// Its own file, importing nothing: on an older Node the static import of node:sqlite fails before any check could speak.
const LAUNCHER = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(\`windtunnel needs Node 22.15 or newer; this is \${process.version} (\${process.execPath}).\\n\`);
  process.exit(2);
}
// Node 22 warns of node:sqlite, which we use on purpose, at every command; all other warnings are shown.
const warn = process.emitWarning;
process.emitWarning = (warning, ...rest) => {
  if (rest[0] !== 'ExperimentalWarning' || !String(warning).includes('SQLite')) warn.call(process, warning, ...rest);
};
await import('./emulator-main.js');
`;

const TERMINAL_LAUNCHER = `#!/bin/sh
ELECTRON_RUN_AS_NODE=1 exec "\${WINDTUNNEL_NODE:-node}" "$(dirname "$0")/../emulator.js" "$@"
`;

async function copyAssets() {
  await cp(path.join(root, 'emulator/runner'), path.join(stage, 'runner'), {
    recursive: true,
    filter: (from) => !/__pycache__|\.(pyc|ts)$|\.test\.|_test\.py$|[\\/]test_[^\\/]*\.py$/.test(from),
  });
  if (!(await readdir(path.join(stage, 'runner'))).some((name) => name.endsWith('.py'))) {
    throw new Error('emulator/runner holds no Python to ship');
  }
  await cp(path.join(root, 'emulator/environments/image/install.sh'), path.join(stage, 'image-install.sh'));
  for (const folder of ['import-check', 'deploy']) {
    await cp(path.join(root, 'emulator/cli', folder), path.join(stage, folder), {
      recursive: true,
      filter: (from) => !/__pycache__|\.(pyc|ts)$/.test(from),
    });
  }
  await cp(path.join(root, 'emulator/controller/protocol'), path.join(stage, 'protocol'), {
    recursive: true,
    filter: (from) => !/\.ts$/.test(from),
  });
  await cp(path.join(root, 'emulator/cli/preload.cjs'), path.join(stage, 'preload.cjs'));
  for (const wasm of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-python/tree-sitter-python.wasm']) {
    await cp(path.join(root, 'node_modules', wasm), path.join(stage, path.basename(wasm)));
  }
  // For the terminals of the editor, whose own executable is the Node that is there for sure.
  await mkdir(path.join(stage, 'bin'), { recursive: true });
  await writeFile(path.join(stage, 'bin/windtunnel'), TERMINAL_LAUNCHER);
  await chmod(path.join(stage, 'bin/windtunnel'), 0o755);
  await writeFile(path.join(stage, 'emulator.js'), LAUNCHER);
  await chmod(path.join(stage, 'emulator.js'), 0o755);
}

async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
}

await mkdir(stage, { recursive: true });
if (watch) {
  await copyAssets();
  for (const bundle of [options, extension, finder, pages])
    await (await context({ ...bundle, logLevel: 'info' })).watch();
} else {
  try {
    await copyAssets();
    await Promise.all([build(options), build(extension), build(finder), build(pages)]);
    const built = await files(stage);
    for (const file of built) {
      await mkdir(path.dirname(path.join(dist, file)), { recursive: true });
      await rename(path.join(stage, file), path.join(dist, file));
    }
    for (const old of (await files(dist)).filter((file) => !built.includes(file))) await rm(path.join(dist, old));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

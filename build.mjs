// Bundles what ships into dist/. Plain JavaScript for Node 20: the bootstrap of `npm run demo` and `npm test` runs it.
import { chmod, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, 'dist');
const watch = process.argv.includes('--watch');

/** @type {import('esbuild').BuildOptions} */
const options = {
  absWorkingDir: root,
  entryPoints: { 'emulator-main': 'emulator/cli/main.ts', 'store-worker': 'emulator/store/worker.ts' },
  outdir: dist,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.15',
  // jsonc-parser's `main` is UMD, whose inner requires no bundler can follow; its `module` is plain ESM.
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  keepNames: true,
  define: { WINDTUNNEL_BUNDLED: 'true' },
  // Dependencies that are CommonJS call require() for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
};

// Its own file, importing nothing: on an older Node the static import of node:sqlite fails before any check could speak.
const LAUNCHER = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(\`windtunnel needs Node 22.15 or newer; this is \${process.version} (\${process.execPath}).\\n\`);
  process.exit(2);
}
await import('./emulator-main.js');
`;

async function copyAssets() {
  await cp(path.join(root, 'emulator/runner'), path.join(dist, 'runner'), {
    recursive: true,
    filter: (from) => !/__pycache__|\.(pyc|ts)$|\.test\.|_test\.py$|[\\/]test_[^\\/]*\.py$/.test(from),
  });
  if (!(await readdir(path.join(dist, 'runner'))).some((name) => name.endsWith('.py'))) {
    throw new Error('emulator/runner holds no Python to ship');
  }
  await cp(path.join(root, 'emulator/cli/preload.cjs'), path.join(dist, 'preload.cjs'));
  for (const wasm of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-python/tree-sitter-python.wasm']) {
    await cp(path.join(root, 'node_modules', wasm), path.join(dist, path.basename(wasm)));
  }
  await writeFile(path.join(dist, 'emulator.js'), LAUNCHER);
  await chmod(path.join(dist, 'emulator.js'), 0o755);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await copyAssets();
if (watch) {
  const watching = await context({ ...options, logLevel: 'info' });
  await watching.watch();
} else {
  await build(options);
}

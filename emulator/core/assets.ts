declare const WINDTUNNEL_BUNDLED: boolean | undefined;

// esbuild replaces the name (build.mjs); from source it does not exist, which only typeof can ask.
const bundled = typeof WINDTUNNEL_BUNDLED !== 'undefined';

/** Files that ship beside the code: where they stand in the source tree, and in `dist/` (build.mjs puts them there). */
const ASSETS = {
  storeWorker: ['../store/worker.ts', './store-worker.js'],
  runner: ['../runner/', './runner/'],
  importCheck: ['../cli/import-check/', './import-check/'],
  deploy: ['../cli/deploy/', './deploy/'],
  protocol: ['../controller/protocol/', './protocol/'],
  templates: ['../../snippets/templates/', '../snippets/templates/'],
  preload: ['../cli/preload.cjs', './preload.cjs'],
  treeSitterWasm: ['../../node_modules/web-tree-sitter/web-tree-sitter.wasm', './web-tree-sitter.wasm'],
  imageInstaller: ['../environments/image/install.sh', './image-install.sh'],
  pythonWasm: ['../../node_modules/tree-sitter-python/tree-sitter-python.wasm', './tree-sitter-python.wasm'],
} as const;

export type Asset = keyof typeof ASSETS;

/**
 * File URL of a shipped file, the same from source and from the bundle; `runner`, `importCheck`, `deploy`, `templates` and
 * `protocol` are folders and end in `/`.
 */
export function assetUrl(asset: Asset): URL {
  return new URL(ASSETS[asset][bundled ? 1 : 0], import.meta.url);
}

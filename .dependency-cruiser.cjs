// The dependency direction of the source: contract ← core ← store, environments, engines ← fleet ← gateway, controller,
// control ← cli; find and import stand on contract alone; contract ← client. Tests may reach further, but make no cycle.
const TEST = '[.]test[.]ts$|/(test-support|fixtures|testing)([.]ts|/)|^test/';

/** What each folder of emulator/ may import of the others, besides itself. */
const MAY_IMPORT = {
  contract: [],
  core: ['contract'],
  find: ['contract'],
  import: ['contract'],
  client: ['contract'],
  store: ['contract', 'core'],
  environments: ['contract', 'core'],
  engines: ['contract', 'core'],
  fleet: ['contract', 'core', 'store', 'environments', 'engines'],
  gateway: ['contract', 'core', 'store', 'environments', 'engines', 'fleet'],
  controller: ['contract', 'core', 'store', 'environments', 'engines', 'fleet'],
  control: ['contract', 'core', 'store', 'environments', 'engines', 'fleet', 'find'],
};

const layers = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `layer-${folder}`,
  comment: `emulator/${folder} stands on ${others.join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^emulator/${folder}/`, pathNot: TEST },
  to: { path: '^(emulator|extension|webview|test)/', pathNot: `^emulator/(${[folder, ...others].join('|')})/` },
}));

/** The same for the extension: thin adapters above a core that knows nothing of the editor. */
const EXTENSION_MAY_IMPORT = {
  core: ['emulator/contract', 'emulator/find'],
  platform: ['emulator/contract', 'emulator/client'],
  features: [
    'extension/core',
    'extension/platform',
    'emulator/contract',
    'emulator/client',
    'emulator/find',
    'emulator/import',
  ],
};

const extensionLayers = Object.entries(EXTENSION_MAY_IMPORT).map(([folder, others]) => ({
  name: `layer-extension-${folder}`,
  comment: `extension/${folder} stands on ${others.join(', ')}.`,
  severity: 'error',
  from: { path: `^extension/${folder}/`, pathNot: TEST },
  to: { path: '^(emulator|extension|webview|test)/', pathNot: `^(${[`extension/${folder}`, ...others].join('|')})/` },
}));

/** A package that only some folders may import. */
const only = (name, folders, comment) => ({
  name: `only-${name}`,
  comment,
  severity: 'error',
  from: { path: '^(emulator|extension|webview)/', pathNot: `^(${folders.join('|')})|${TEST}` },
  to: { path: `^node_modules/(@types/)?${name}/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: { path: '^(emulator|extension|webview)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    ...layers,
    ...extensionLayers,
    {
      name: 'layer-webview',
      comment: 'A page knows the messages and nothing else of ours; it has no Node.',
      severity: 'error',
      from: { path: '^webview/', pathNot: TEST },
      to: { path: '^(emulator|extension|test)/', pathNot: '^emulator/contract/' },
    },
    {
      name: 'webview-has-no-node',
      severity: 'error',
      from: { path: '^webview/', pathNot: TEST },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'contract-imports-zod-only',
      severity: 'error',
      from: { path: '^emulator/contract/', pathNot: TEST },
      to: { pathNot: '^(emulator/contract/|node_modules/zod/)' },
    },
    {
      name: 'core-is-pure',
      comment: 'No network, no file system, no process: time comes from the clock.',
      severity: 'error',
      from: { path: '^emulator/core/', pathNot: TEST },
      to: { path: '^(node:)?(net|http|https|http2|tls|fs|fs/promises|child_process|worker_threads|sqlite)$' },
    },
    {
      name: 'source-imports-no-test',
      severity: 'error',
      from: { path: '^(emulator|extension|webview)/', pathNot: TEST },
      to: { path: TEST },
    },
    only('ws', ['emulator/gateway/', 'emulator/control/', 'emulator/client/'], 'Websockets belong to the edges.'),
    only('dockerode', ['emulator/engines/docker/'], 'Docker stays behind RunnerEngine.'),
    only('(react|react-dom|@rjsf)', ['webview/'], 'Only pages have a user interface of their own.'),
    only('commander', ['emulator/cli/'], 'Only the command line parses command lines.'),
    {
      name: 'vscode-in-its-place',
      severity: 'error',
      from: { path: '^(emulator|extension|webview)/', pathNot: '^extension/(main[.]ts|features/|platform/)' },
      to: { path: '^vscode$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};

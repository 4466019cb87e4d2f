// `npm run package`: dist/windtunnel.vsix, of what `dev.mjs` has built. The page of the extension is not that of the repository.
import { run } from './bootstrap.mjs';

const vsce = [
  '--yes',
  '@vscode/vsce@3.9.2',
  'package',
  '--no-dependencies',
  '--allow-missing-repository',
  '--no-rewrite-relative-links',
];
await run('npx', [...vsce, '--readme-path', 'extension/README.md', '--out', 'dist/windtunnel.vsix']);

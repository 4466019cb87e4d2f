// `node test/scripts/dev.mjs SCRIPT [ARG…]`: installs, builds, then runs a script of the project under its own Node.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bootstrap, passSignals, root, run } from './bootstrap.mjs';

const [script, ...args] = process.argv.slice(2);
const node = await bootstrap();
await run(node, ['build.mjs']);
const child = spawn(node, [path.join(root, script), ...args], { cwd: root, stdio: 'inherit' });
passSignals(child);
child.once('close', (code, signal) => {
  if (signal) console.error(`${script} was ended by ${signal}`);
  process.exitCode = code ?? 1;
});

// A process of its own that builds an environment, for tests that kill it. argv: cache, workspace. PATH and HOME from env.
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { createEnvironments } from '../create-environments.ts';

const [cacheDir = '', workspaceDir = ''] = process.argv.slice(2);
const environments = createEnvironments({
  cacheDir,
  workspaceDir,
  env: process.env,
  clock: systemClock,
  log: silentLog,
});
await environments.ensure(
  { pythonVersion: null, requirements: [['tiny']], contextDir: workspaceDir, appDir: workspaceDir },
  (line) => process.stdout.write(`${line}\n`),
  new AbortController().signal,
);

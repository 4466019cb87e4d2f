import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const NOBODY = 65_534;
const source = (file: string) => JSON.stringify(path.resolve(import.meta.dirname, '../../../emulator', file));

export interface Refusal {
  code: string;
  message: string;
  hint: string;
  detail: string;
}

/** How the search for a daemon fails for a normal user: root, which tests may run as, may use any socket. Root only. */
export async function findAsNobody(env: NodeJS.ProcessEnv): Promise<Refusal> {
  const script = `
    const { findDaemon } = await import(${source('engines/docker/find-daemon.ts')});
    const { systemClock } = await import(${source('core/clock.ts')});
    const env = ${JSON.stringify(env)};
    findDaemon({ env, home: '/', uid: ${NOBODY}, clock: systemClock, cli: null }).then(
      ({ candidate }) => process.stdout.write(JSON.stringify({ code: 'found ' + candidate.url })),
      ({ code, message, hint, detail }) => process.stdout.write(JSON.stringify({ code, message, hint, detail })),
    );`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    uid: NOBODY,
    gid: NOBODY,
    env: {},
    cwd: '/',
  });
  return JSON.parse(stdout);
}

// `npm run demo`: a picture that a real fal.App drew behind the queue. `-- --once` stops after it. Installed and built
// by test/scripts/dev.mjs, which runs this.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { passSignals, root } from '../test/scripts/bootstrap.mjs';
import { checkPng } from './check-png.mjs';

const APP = 'examples/pixels/app.py';
// The first start builds the app's environment from PyPI.
const START_MINUTES = 10;
const once = process.argv.includes('--once');

say(`windtunnel run ${APP}`);
const emulator = spawn(process.execPath, ['dist/emulator.js', 'run', APP, '--engine', 'process'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
const ended = new Promise((resolve) => emulator.once('close', (code, signal) => resolve(signal ?? code)));
passSignals(emulator);

try {
  const { url } = await registered();
  say('windtunnel exec -- node examples/demo-client.mjs   (the official @fal-ai/client, as it would be used with fal)');
  const result = JSON.parse(await windtunnel('exec', '--', process.execPath, 'examples/demo-client.mjs'));

  // Under exec a client gets fal's own form of a file URL; the same path on the public port opens in a browser.
  const picture = new URL(new URL(result.image.url).pathname, url);
  const answer = await fetch(picture);
  if (!answer.ok) throw new Error(`${picture} answered ${answer.status}.`);
  const { width, height, bytes } = checkPng(Buffer.from(await answer.arrayBuffer()));
  say(
    `Result: ${picture}\n   a PNG of ${width} x ${height}, ${bytes} bytes, in the colours ${result.palette.join(' ')}`,
  );
} catch (error) {
  emulator.kill('SIGTERM');
  await ended;
  throw error;
}

if (once) {
  emulator.kill('SIGTERM');
  await ended;
} else {
  say('Still serving: edit examples/pixels/app.py and save, or see examples/pixels/README.md. Ctrl-C stops it.');
  const how = await ended;
  process.exitCode = typeof how === 'number' ? how : 0;
}

/** The emulator's status, once it lists the app. */
async function registered() {
  const deadline = Date.now() + START_MINUTES * 60_000;
  let last = '';
  while (Date.now() < deadline) {
    if (emulator.exitCode !== null || emulator.signalCode !== null) throw new Error('windtunnel run has ended.');
    try {
      const status = JSON.parse(await windtunnel('ps', '--json'));
      if (status.apps.some((app) => app.id.endsWith('/pixels'))) return status;
      last = 'the app is not listed yet';
    } catch (error) {
      last = error.message;
    }
    await sleep(500);
  }
  throw new Error(`The app was not there after ${START_MINUTES} minutes: ${last}`);
}

/** Stdout of one windtunnel command; its stderr is shown, but for `ps`, which is asked until it answers. */
function windtunnel(...args) {
  const stderr = args[0] === 'ps' ? 'ignore' : 'inherit';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join('dist', 'emulator.js'), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', stderr],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`windtunnel ${args[0]} ended with ${code}`));
    });
  });
}

function say(text) {
  console.log(`\n== ${text}`);
}

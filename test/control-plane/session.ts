import { stripVTControlCharacters } from 'node:util';
import { CliSession } from '../support/cli-session.ts';
import type { EmulatorUnderTest } from '../support/emulator.ts';
import { falJson, listRunners, setVersion, tryFal } from './fal-cli.ts';

export const SESSION_FILE = new URL('../../docs/fal-session.md', import.meta.url);

const INTRO = `# A session with the fal CLI

<!-- Recorded by \`npm run session\`; do not edit. -->

The unmodified fal CLI against the emulator, as \`windtunnel exec -- fal …\` runs it, with one app from its first deployment
on. Recorded by a script that is part of the test suite; identifiers, times and ports are made the same each time, and the
lines of the installer are left out.
`;

/** Every step of the session: what is typed, and what the terminal shows. The workspace holds shop.py and version.txt. */
export async function recordSession(emulator: EmulatorUnderTest): Promise<string> {
  const shown: string[] = [];
  const show = (command: string, output: string) => shown.push(`$ ${command}`, ...screen(output), '');
  const fal = async (...args: string[]) => {
    const { code, stdout, stderr } = await tryFal(emulator, ...args);
    const command = `fal ${args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg)).join(' ')}`;
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`);
    show(command, stdout);
  };
  await fal('deploy', 'shop.py::Shop');
  const { apps } = await falJson(emulator, 'apps', 'list');
  const first = String((apps as { revision: string }[])[0]?.revision);
  await fal('apps', 'list');
  await fal('apps', 'list-rev', 'shop');
  await fal('apps', 'scale', 'shop', '--max-concurrency', '5', '--keep-alive', '600');
  await fal('runners', 'list');
  const runner = (await listRunners(emulator))[0]?.runner_id ?? '';
  show(`fal runners shell ${runner}`, await shell(emulator, runner, 'cat version.txt; exit'));
  await fal('secrets', 'set', 'SHOP_SECRET=under the counter');
  await fal('secrets', 'list');
  setVersion(emulator, 'two');
  await fal('deploy', 'shop.py::Shop', '--message', 'a second version');
  await fal('apps', 'set-rev', 'shop', first);
  // Last of what starts runners: their lines would get among those of a deployment.
  await fal('apps', 'rollout', 'shop');
  await fal('queue', 'size', 'shop');
  return `${INTRO}\n\`\`\`text\n${stable(shown.join('\n'), emulator).trimEnd()}\n\`\`\`\n`;
}

async function shell(emulator: EmulatorUnderTest, runner: string, typed: string): Promise<string> {
  const session = CliSession.start(emulator, 'exec', '--', 'fal', 'runners', 'shell', runner);
  session.type(`${typed}\n`);
  const code = await session.ended(120);
  if (code !== 0) throw new Error(`The shell ended with ${code}:\n${session.output}`);
  // The terminal echoes what was typed before or after its prompt, which names user and machine.
  const printed = screen(session.output).filter((line) => line !== '' && line !== 'exit' && !line.endsWith(typed));
  return [`/app$ ${typed}`, ...printed].join('\n');
}

/** As a terminal shows it: without colours and the log lines of the build. */
function screen(output: string): string[] {
  const lines = stripVTControlCharacters(output).split(/\r?\n/);
  return lines.map((line) => line.trimEnd()).filter((line) => !/^\d{4}-\d\d-\d\d [\d:.]+ \[\w+ *\]/.test(line));
}

/** With names for what is another each time: revisions and runners in the order of their coming, times, ports, folders. */
function stable(text: string, emulator: EmulatorUnderTest): string {
  const ids = new Map<string, string>();
  const named = (id: string) => {
    const known =
      ids.get(id) ??
      `${String(ids.size + 1)
        .repeat(8)
        .slice(0, 8)}-0000-4000-8000-000000000000`;
    ids.set(id, known);
    return known;
  };
  // The whole ones first: a table may cut one short.
  const whole = text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, named);
  const cut = [...ids].reduce(
    (all, [id, known]) =>
      all.replaceAll(
        new RegExp(`${id.slice(0, 8)}(-[0-9a-f-]*)?…`, 'g'),
        (found) => `${known.slice(0, found.length - 1)}…`,
      ),
    whole,
  );
  return (
    cut
      .replaceAll(emulator.workspace, '~/shop')
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:8799')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00:00)?/g, '2026-01-01 12:00:00')
      // In a narrow column: the day in one line, the time in the next, cut.
      .replaceAll(/\b20\d\d-\d\d-\d\d\b(?= +│)/g, '2026-01-01')
      .replaceAll(/\b\d\d:\d\d:\d\d\.\d*…/g, '12:00:00.00…')
      .replaceAll(/\[\d\d:\d\d:\d\d\]/g, '[12:00:00]')
      .replaceAll(/\d+:\d\d:\d\d \(\d+s\)/g, '0:00:05 (5s)')
  );
}

/** What two recordings must have in common: words and their order, not how a table was drawn. */
export function comparable(page: string): string[] {
  const words = (line: string) =>
    line
      .replaceAll(/[─━│┃┏┓┗┛┡┩╇┳┻└┘┴┬├┤┼╭╮╰╯▸✓…]/g, ' ')
      .replaceAll(/ +/g, ' ')
      .trim();
  return page
    .split('\n')
    .map(words)
    .filter((line) => line !== '');
}

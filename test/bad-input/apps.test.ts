import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')], {
    DOCKER_HOST: 'unix:///nowhere/docker.sock',
  });
  await emulator.run('apps/good.py');
}, 300_000);

afterAll(() => emulator?.dispose(), 120_000);

/** After whatever happened, the good app answers as before. */
async function stillUp(): Promise<void> {
  const answer = await fetch(`${emulator.url}/run/local/good`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"count": 3}',
  });
  expect([answer.status, await answer.json()]).toEqual([200, { count: 3 }]);
}

interface Case {
  name: string;
  args: string[];
  exit: number;
  /** What the output has to say: the code, what and where, and the fix. */
  says: RegExp[];
}

const cases: Case[] = [
  { name: 'no such file', args: ['run', 'apps/nowhere.py'], exit: 1, says: [/nowhere\.py/] },
  { name: 'not a Python file', args: ['run', 'apps'], exit: 2, says: [/Not a Python file: apps/] },
  { name: 'no app in the file', args: ['run', 'apps/none.py'], exit: 1, says: [/E_NO_APP/, /none\.py/] },
  {
    name: 'several apps in the file',
    args: ['run', 'apps/several.py'],
    exit: 1,
    says: [/E_SEVERAL_APPS/, /One/, /Two/, /::/],
  },
  {
    name: 'a symbol that is not there',
    args: ['run', 'apps/several.py::Tow'],
    exit: 1,
    says: [/E_UNKNOWN_SYMBOL/, /Tow/, /Two/],
  },
  {
    name: 'a name that another file has',
    args: ['run', 'apps/several.py::One', '--as', 'local/good'],
    exit: 1,
    says: [/E_APP_NAME_TAKEN/, /local\/good/, /--as/],
  },
  { name: 'a syntax error', args: ['run', 'apps/syntax.py'], exit: 1, says: [/E_SYNTAX/, /syntax\.py:6: SyntaxError/] },
  {
    name: 'an import that raises',
    args: ['run', 'apps/import_raises.py'],
    exit: 1,
    says: [/E_APP_IMPORT/, /import_raises\.py", line 4/, /settings\["missing"\]/, /KeyError: 'missing'/],
  },
  {
    name: 'a setup that raises',
    args: ['run', 'apps/setup_raises.py'],
    exit: 1,
    says: [/E_APP_SETUP/, /setup_raises\.py", line 5, in load_weights/, /FileNotFoundError: weights\.bin/],
  },
  {
    name: 'a setup that hangs',
    args: ['run', 'apps/setup_hangs.py'],
    exit: 1,
    says: [/E_STARTUP_TIMEOUT/, /3 s/, /setup/],
  },
  {
    name: 'a server that listens on another port',
    args: ['run', 'apps/port_unbound.py::serve'],
    exit: 1,
    says: [
      /E_STARTUP_TIMEOUT/,
      /nothing listens on port 8123, its exposed_port/,
      /fix: Let its server listen on port 8123/,
    ],
  },
  {
    name: 'a server that ends before it listens',
    args: ['run', 'apps/port_unbound.py::ends'],
    exit: 1,
    says: [/E_RUNNER_EXITED/, /exit code 0 before anything listened on port 8124/, /fix: .* go on serving/],
  },
  {
    name: 'requirements that cannot be had',
    args: ['run', 'apps/unresolvable.py'],
    exit: 1,
    says: [/E_REQUIREMENTS/, /windtunnel-no-such-package/],
  },
  {
    name: 'a Python that is not here',
    args: ['run', 'apps/wrong_python.py'],
    exit: 1,
    says: [/E_PYTHON_VERSION/, /3\.19/, /uv python install 3\.19/],
  },
  { name: 'an unknown engine', args: ['run', 'apps/good.py', '--engine', 'vm'], exit: 2, says: [/No engine vm/] },
  {
    name: 'an engine that is not there',
    args: ['run', 'apps/several.py::One', '--engine', 'docker'],
    exit: 3,
    says: [/E_DOCKER_CONTEXT/, /DOCKER_HOST \(unix:\/\/\/nowhere\/docker\.sock\)/, /fix: .*unset DOCKER_HOST/],
  },
  { name: 'an unknown command', args: ['fly'], exit: 2, says: [/fly/] },
  { name: 'an unknown option', args: ['run', 'apps/good.py', '--fast'], exit: 2, says: [/--fast/] },
  {
    name: 'call: an app that is not there',
    args: ['call', 'local/nobody', '--input', '{}'],
    exit: 1,
    says: [/nobody/, /local\/good/],
  },
  { name: 'call: input that is not JSON', args: ['call', 'local/good', '--input', '{count'], exit: 2, says: [/JSON/] },
  {
    name: 'call: input of the wrong type',
    args: ['call', 'local/good', '--input', '{"count":"x"}'],
    exit: 1,
    says: [/count/, /422/],
  },
  { name: 'secret: a bad name', args: ['secret', 'set', '9-lives=x'], exit: 1, says: [/E_SECRET_NAME/] },
];

describe('bad input on the command line: one clear line, and the emulator stays up', () => {
  for (const { name, args, exit, says } of cases) {
    test(name, async () => {
      const noWatch = args[0] === 'run' && exit !== 2 ? ['--no-watch'] : [];
      const result = await emulator.cli(...args, ...noWatch);
      const output = result.stdout + result.stderr;
      for (const pattern of says) expect(output).toMatch(pattern);
      expect(output, 'no stack trace of ours').not.toMatch(/\n\s+at .*\.(js|ts):\d+/);
      expect(result.code, output).toBe(exit);
      await stillUp();
    }, 90_000);
  }

  test('a configuration that does not match its schema names line and key', async () => {
    const broken = await EmulatorUnderTest.prepare([]);
    try {
      writeFileSync(path.join(broken.workspace, 'windtunnel.jsonc'), '{\n  // comment\n  "prot": 1\n}\n');
      const result = await broken.cli('up');
      expect(result.stderr).toMatch(/windtunnel\.jsonc:3: unknown key "prot" \[E_CONFIG_INVALID\]/);
      expect(result.code).toBe(1);
    } finally {
      await broken.dispose();
    }
  }, 120_000);
});

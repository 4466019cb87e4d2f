import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { connectEmulator, findEmulator } from '../../client/discover.ts';
import { userPaths } from '../../client/paths.ts';
import type { SecretInfo } from '../../contract/index.ts';
import { SecretStore } from '../../control/secrets/secret-store.ts';
import { systemClock } from '../../core/clock.ts';
import { SHORTEST_REDACTED } from '../../core/redactor.ts';
import { formatAge, table } from '../table.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface Access {
  list(): Promise<SecretInfo[]>;
  set(name: string, value: string): Promise<void>;
  unset(name: string): Promise<boolean>;
}

/** Through the running emulator, so that its apps get the change; else straight to the file. */
async function access(terminal: Terminal, options: WorkspaceOption): Promise<Access> {
  const workspace = workspaceOf(terminal, options);
  const store = new SecretStore(userPaths(terminal.host).secrets, systemClock);
  if (!findEmulator(terminal.host, workspace)) {
    return {
      list: async () => store.list(),
      set: async (name, value) => store.set(name, value),
      unset: async (name) => store.unset(name),
    };
  }
  const { client } = await connectEmulator(terminal.host, workspace);
  return {
    list: () => client.secrets(),
    set: (name, value) => client.setSecret(name, value),
    unset: async (name) => {
      const known = (await client.secrets()).some((secret) => secret.name === name);
      await client.unsetSecret(name);
      return known;
    },
  };
}

export async function setSecrets(terminal: Terminal, pairs: string[], options: WorkspaceOption): Promise<number> {
  const secrets = await access(terminal, options);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? await readValue(terminal, name) : pair.slice(equals + 1);
    await secrets.set(name, value);
    terminal.note(`Set ${name}.`);
    if (value.length < SHORTEST_REDACTED) {
      terminal.note(`warning: ${name} has under ${SHORTEST_REDACTED} characters: it is not taken out of logs.`);
    }
  }
  return EXIT.ok;
}

async function listSecrets(terminal: Terminal, options: WorkspaceOption & { json?: boolean }): Promise<number> {
  const list = await (await access(terminal, options)).list();
  if (options.json) terminal.out(JSON.stringify({ secrets: list }, null, 2));
  else if (list.length === 0) terminal.note('No secrets are set.');
  else {
    const rows = list.map(({ name, updatedAt }) => [name, `${formatAge(systemClock.now() - updatedAt)} ago`]);
    for (const line of table([['NAME', 'SET'], ...rows])) terminal.out(line);
  }
  return EXIT.ok;
}

async function unsetSecrets(terminal: Terminal, names: string[], options: WorkspaceOption): Promise<number> {
  const secrets = await access(terminal, options);
  let code: number = EXIT.ok;
  for (const name of names) {
    const known = await secrets.unset(name);
    terminal.note(known ? `Removed ${name}.` : `No secret ${name} is set.`);
    if (!known) code = EXIT.failed;
  }
  return code;
}

/** From stdin, so that the value stands in no shell history. */
async function readValue(terminal: Terminal, name: string): Promise<string> {
  if (terminal.interactive) {
    const readline = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await readline.question(`Value of ${name}: `, { signal: terminal.interrupted });
    } finally {
      readline.close();
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  const value = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (value === '') throw usage(`No value for ${name}.`, `Write \`${name}=VALUE\`, or pipe the value in.`);
  return value;
}

const PRECEDENCE = `
The store is yours, for all workspaces (a file that only you can read). An app sees, weakest first:
  1. .env of the workspace (or "envFiles" of windtunnel.jsonc), read and never written
  2. this store
  3. fal's own variables (FAL_KEY, FAL_APP_NAME, …) and what the app sets itself
An app with secrets=[…] sees only those names of 1 and 2, as at fal. Values are taken out of logs and events.`;

export function addSecretCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  const secret = program
    .command('secret')
    .description('secrets of the apps here')
    .addHelpText(
      'after',
      `${PRECEDENCE}\n\nExamples:\n  windtunnel secret set HF_TOKEN < token.txt\n  windtunnel secret list`,
    );
  secret
    .command('set')
    .description('set secrets; without =VALUE the value is read from stdin')
    .argument('<name[=value]...>')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExamples:\n  windtunnel secret set HF_TOKEN\n  windtunnel secret set A=1 B=2')
    .action((pairs: string[], options: WorkspaceOption) => run(() => setSecrets(terminal, pairs, options)));
  secret
    .command('list')
    .description('names and ages, never values')
    .option('--json', 'print JSON')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExample:\n  windtunnel secret list --json')
    .action((options) => run(() => listSecrets(terminal, options)));
  secret
    .command('unset')
    .description('remove secrets')
    .argument('<name...>')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExample:\n  windtunnel secret unset HF_TOKEN')
    .action((names: string[], options: WorkspaceOption) => run(() => unsetSecrets(terminal, names, options)));
}

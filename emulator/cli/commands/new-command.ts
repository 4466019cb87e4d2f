import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { isTemplate, TEMPLATES, type Template } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import { appFiles, appNames } from '../new/templates.ts';
import { table } from '../table.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';

interface NewOptions {
  name?: string;
  list?: boolean;
  json?: boolean;
}

/** Makes a new app in a folder. Never writes over a file: where one of its files is there already, it writes none. */
export async function newApp(terminal: Terminal, words: readonly string[], options: NewOptions): Promise<number> {
  if (options.list) {
    if (options.json) terminal.out(JSON.stringify(TEMPLATES, null, 2));
    else for (const line of table(Object.entries(TEMPLATES))) terminal.out(line);
    return EXIT.ok;
  }
  const [first = '', second] = words;
  const [template, given] = second === undefined ? ['image', first] : [first, second];
  if (!isTemplate(template)) {
    throw usage(`No template is called ${template}.`, `Templates: ${Object.keys(TEMPLATES).join(', ')}.`);
  }
  if (given === '') throw usage('No folder is named.', 'windtunnel new [TEMPLATE] DIR');
  const folder = resolve(terminal.cwd, given);
  const names = appNames(options.name ?? basename(folder));
  if (!names) throw usage(`No app can be named after ${options.name ?? basename(folder)}.`, 'Name one: --name my-app.');
  const files = appFiles(template, names, templateFiles(template));
  const taken = [...files.keys()].filter((file) => existsSync(join(folder, file)));
  if (taken.length > 0) {
    throw usage(
      `${taken.join(', ')} ${taken.length === 1 ? 'is' : 'are'} in ${folder} already.`,
      'Name another folder.',
    );
  }
  for (const [file, text] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  if (options.json) {
    terminal.out(JSON.stringify({ template, name: names.name, folder, files: [...files.keys()] }, null, 2));
    return EXIT.ok;
  }
  const shown = relative(terminal.cwd, folder) || '.';
  terminal.note(`${TEMPLATES[template]}: ${[...files.keys()].join(', ')}`);
  terminal.out(`cd ${shown}`);
  terminal.out('windtunnel run app.py');
  return EXIT.ok;
}

function templateFiles(template: Template): Map<string, string> {
  const root = fileURLToPath(assetUrl('templates'));
  const files = new Map<string, string>();
  for (const folder of ['common', template]) {
    const names = readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { name } of names) files.set(name, readFileSync(join(root, folder, name), 'utf8'));
  }
  return files;
}

export function addNewCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('new')
    .description('scaffold an app')
    .argument('[words...]', '[TEMPLATE] DIR; the template is `image` where none is named')
    .option('--name <name>', "the app's name; default: the folder's")
    .option('--list', 'list the templates')
    .option('--json', 'print what was made as JSON')
    .addHelpText(
      'after',
      `\nTemplates:\n${table(Object.entries(TEMPLATES))
        .map((line) => `  ${line}`)
        .join('\n')}\n\nExamples:\n  windtunnel new my-app\n  windtunnel new streaming chat`,
    )
    .action((words: string[], options: NewOptions) => run(() => newApp(terminal, words, options)));
}

#!/usr/bin/env node
// Stand-in for the desktop's `code` executable where there is none: takes its command line, runs the tests in a real
// extension host (VS Code's server and headless Chromium) and exits with their result. For `runTests` of
// @vscode/test-electron, by `vscodeExecutablePath`.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'node:util';
import type { Browser } from 'playwright-core';
import { launchBrowser, VsCodeServer } from './web-server.ts';

const TIMEOUT_MS = Number(process.env.VSCODE_TEST_TIMEOUT_MS ?? 600_000);
// The workbench's own lines, between those of the tests.
const NOISE =
  /^(\[(AgentHost|AccountPolicyGate|ChatModelSelection|reconnection-grace-time|Service Worker|Chat|DefaultAccount|mcp|Copilot)[^\]]*\]|Resolv(ing|ed) connection token|Creating a socket|Updating additional builtin|getaddrinfo ENOTFOUND|Timed out waiting for authentication provider|An unknown error occurred\. Please consult|Canceled|Connection error|Creation of workbench contribution|ChatSessionStore|Error while getting the latest version)/;

interface CommandLine {
  development: string[];
  tests: string;
  targets: string[];
  userDataDir?: string;
  extensionsDir?: string;
}

function parse(argv: string[]): CommandLine {
  const line: CommandLine = { development: [], tests: '', targets: [] };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const match = /^--([\w-]+)(?:=(.*))?$/s.exec(word);
    if (!match) line.targets.push(word);
    const [, name, inline] = match ?? [];
    const value = () => inline ?? rest.shift() ?? '';
    if (name === 'extensionDevelopmentPath') line.development.push(value());
    else if (name === 'extensionTestsPath') line.tests = value();
    else if (name === 'user-data-dir') line.userDataDir = value();
    else if (name === 'extensions-dir') line.extensionsDir = value();
    // Every other switch of the desktop (--no-sandbox, --skip-welcome, …) means nothing here.
  }
  return line;
}

const line = parse(process.argv.slice(2));
if (line.tests === '') {
  console.error('code-headless: runs tests only (--extensionTestsPath)');
  process.exit(2);
}
const server = await VsCodeServer.start({
  testDriver: true,
  ...(line.userDataDir === undefined ? {} : { userDataDir: line.userDataDir }),
  ...(line.extensionsDir === undefined ? {} : { extensionsDir: line.extensionsDir }),
});
// The workbench reports 0 when the extension host dies: a run has passed only when the tests' own run() came to its end.
const done = path.join(server.folder, 'tests-done');
const wrapper = path.join(server.folder, 'tests.cjs');
writeFileSync(
  wrapper,
  `const { run } = require(${JSON.stringify(path.resolve(line.tests))});
exports.run = async () => { await run(); require('node:fs').writeFileSync(${JSON.stringify(done)}, ''); };\n`,
);

let browser: Browser | undefined;
let finished = false;
async function finish(code: number, why?: string): Promise<void> {
  if (finished) return;
  finished = true;
  if (why !== undefined) console.error(`code-headless: ${why}`);
  await browser?.close();
  await server.stop();
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void finish(130, signal));
setTimeout(() => void finish(124, `timed out after ${TIMEOUT_MS} ms`), TIMEOUT_MS).unref();
server.process.once('exit', (code) => void finish(1, `the VS Code server ended with ${code}`));
server.process.stdout?.on('data', (data: Buffer) => {
  const ended = /Extension Host Process exited with code: (\S+), signal: (\S+)/.exec(data.toString('utf8'));
  // A host that crashes never reports; one that is done reports within this.
  if (ended) setTimeout(() => void finish(1, `the extension host ended (${ended[1]}, ${ended[2]}) unreported`), 5_000);
});
try {
  browser = await launchBrowser();
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  await page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
    if (typeof args[0] === 'string' && NOISE.test(args[0])) return;
    if (type === 'error') console.error(format(...args));
    else console.log(format(...args));
  });
  await page.exposeFunction('codeAutomationExit', (code: number) => {
    const early = code === 0 && !existsSync(done);
    void (early ? finish(1, 'the extension host ended before the tests did') : finish(code));
  });
  page.once('crash', () => void finish(1, 'the page crashed'));
  const folder = line.targets.find((target) => existsSync(target) && statSync(target).isDirectory());
  const workspace = line.targets.find((target) => target.endsWith('.code-workspace'));
  await page.goto(
    server.url({
      ...(folder === undefined ? {} : { folder }),
      ...(workspace === undefined ? {} : { workspace }),
      payload: [
        ...line.development.map((extension): [string, string] => ['extensionDevelopmentPath', server.uri(extension)]),
        ['extensionTestsPath', server.uri(wrapper)],
        ['skipWelcome', 'true'],
      ],
    }),
  );
} catch (error) {
  await finish(1, error instanceof Error ? error.stack : String(error));
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { cliFile, type EmulatorUnderTest } from '../support/emulator.ts';
import { sitePackages } from '../support/site-packages.ts';

const GUIDE = path.resolve(import.meta.dirname, '../../docs/browser.md');

/** The blocks of docs/browser.md that have a file name, by it. */
export function guideFiles(): ReadonlyMap<string, string> {
  const text = readFileSync(GUIDE, 'utf8');
  return new Map([...text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)].map(([, name = '', body = '']) => [name, body]));
}

/** A site of these blocks, started as the guide says: under `exec`, beside the pinned packages. */
export class Site {
  readonly folder: string;
  private readonly emulator: EmulatorUnderTest;
  private child: ChildProcess | null = null;
  private output = '';

  private constructor(folder: string, emulator: EmulatorUnderTest) {
    this.folder = folder;
    this.emulator = emulator;
  }

  static async make(emulator: EmulatorUnderTest, names: readonly string[]): Promise<Site> {
    // Below the packages: tools refuse a node_modules that is a link.
    const folder = mkdtempSync(path.join(await sitePackages(), 'site-'));
    const site = new Site(folder, emulator);
    const files = guideFiles();
    for (const name of names) {
      const text = files.get(name);
      if (text === undefined) throw new Error(`docs/browser.md has no block ${name}.`);
      site.write(name, text);
    }
    return site;
  }

  write(name: string, text: string): void {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Starts the site's server under `exec`; resolves with the URL that it prints. */
  async start(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { workspace } = this.emulator;
    const command = [cliFile, 'exec', '--workspace', workspace, '--', process.execPath, script, ...args];
    const child = spawn(process.execPath, command, {
      cwd: this.folder,
      env: { ...this.emulator.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    return new Promise((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.output += chunk.toString();
        const url = /http:\/\/localhost:\d+/.exec(stripVTControlCharacters(this.output))?.[0];
        if (url) resolve(url);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`The site ended with ${code}:\n${this.output}`)));
    });
  }

  /** What it has printed, for a test that failed. */
  get log(): string {
    return this.output;
  }

  async dispose(): Promise<void> {
    if (this.child !== null && this.child.exitCode === null && this.child.signalCode === null) {
      const closed = once(this.child, 'close');
      this.child.kill('SIGTERM');
      await closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EmulatorUnderTest } from './emulator.ts';
import { testPython } from './python.ts';

/** A second Windtunnel that stands in for fal's cloud, and a `fal` that is logged in there and nowhere else. */
export class StandInRemote {
  readonly emulator: EmulatorUnderTest;
  /** For the front of a PATH: it holds `fal`. */
  readonly bin: string;

  private constructor(emulator: EmulatorUnderTest, bin: string) {
    this.emulator = emulator;
    this.bin = bin;
  }

  static async start(files: readonly string[] = []): Promise<StandInRemote> {
    const emulator = await EmulatorUnderTest.start(files);
    const bin = path.join(emulator.folder, 'bin');
    const remote = new StandInRemote(emulator, bin);
    await remote.writeFal(bin, 'remote-python');
    return remote;
  }

  /** Puts a `fal` into a folder, which runs in `python` beside it and leads here; `change` leads its variables elsewhere. */
  async writeFal(bin: string, python: string, change = (_name: string, value: string): string => value): Promise<void> {
    mkdirSync(bin, { recursive: true });
    const { WINDTUNNEL_ORIGINAL_ENV: _record, WINDTUNNEL_PORT_URL: _url, ...variables } = await this.emulator.execEnv();
    const exports = Object.entries(variables).map(([name, value]) =>
      value == null ? `unset ${name}` : `export ${name}='${change(name, value).replaceAll("'", `'\\''`)}'`,
    );
    const program = (name: string, text: string) => {
      writeFileSync(path.join(bin, name), text);
      chmodSync(path.join(bin, name), 0o755);
    };
    // Both are what an installed fal is: a script whose first line names its Python. This Python leads to the stand-in.
    program(python, `#!/bin/sh\n${exports.join('\n')}\nexec '${await testPython()}' "$@"\n`);
    program('fal', `#!${path.join(bin, python)}\nimport sys\nfrom fal.cli import main\n\nsys.exit(main())\n`);
  }

  /** The environment of somebody who uses this remote. */
  in(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...env, PATH: `${this.bin}${path.delimiter}${env.PATH}` };
  }

  dispose(): Promise<void> {
    return this.emulator.dispose();
  }
}

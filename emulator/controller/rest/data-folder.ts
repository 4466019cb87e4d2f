import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { WindtunnelError } from '../../contract/index.ts';

const DATA = '/data';

/** The folder that apps see as /data, by the paths that they know. */
export class DataFolder {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** `/data/…` for a path as a client writes it. */
  name(given: string): string {
    return path.posix.resolve(DATA, given);
  }

  /** Where it is on this machine. Rejects with E_BAD_REQUEST for what lies outside, also by a link. */
  async locate(given: string): Promise<string> {
    const name = this.name(given);
    if (name !== DATA && !name.startsWith(`${DATA}/`)) throw outside(given);
    await mkdir(this.dir, { recursive: true });
    const root = await realpath(this.dir);
    const file = path.join(root, name.slice(DATA.length));
    const real = await existing(file);
    if (real !== root && !real.startsWith(`${root}${path.sep}`)) throw outside(given);
    return file;
  }
}

/** The real path of the nearest part of it that exists. */
async function existing(file: string): Promise<string> {
  for (let part = file; ; part = path.dirname(part)) {
    try {
      return await realpath(part);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

const outside = (given: string) => new WindtunnelError('E_BAD_REQUEST', `${given} lies outside of /data.`);

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod/mini';
import { type SecretInfo, SecretNameSchema, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';

const FileSchema = z.object({
  version: z.literal(1),
  secrets: z.record(z.string(), z.object({ value: z.string(), updatedAt: z.number() })),
});
type SecretFile = z.infer<typeof FileSchema>;

/**
 * The user's secrets: one 0600 JSON file for all workspaces, as fal keeps them for an account. Read anew on each call, since
 * other emulators and commands write it too; written whole and renamed into place.
 */
export class SecretStore {
  readonly file: string;
  private readonly clock: Clock;

  constructor(file: string, clock: Clock) {
    this.file = file;
    this.clock = clock;
  }

  /** Names and times, sorted by name; never values. */
  list(): SecretInfo[] {
    return Object.entries(this.read().secrets)
      .map(([name, { updatedAt }]) => ({ name, updatedAt }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  values(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.read().secrets).map(([name, { value }]) => [name, value]));
  }

  /** Throws E_SECRET_NAME. */
  set(name: string, value: string): void {
    checkName(name);
    this.change((file) => {
      file.secrets[name] = { value, updatedAt: this.clock.now() };
    });
  }

  /** False when there was none of that name. Throws E_SECRET_NAME. */
  unset(name: string): boolean {
    checkName(name);
    if (!Object.hasOwn(this.read().secrets, name)) return false;
    this.change((file) => {
      delete file.secrets[name];
    });
    return true;
  }

  /**
   * Read, change and write under a lock file, so that two commands at once lose nothing. All of it is synchronous and takes
   * milliseconds: a lock older than that belongs to a dead process.
   */
  private change(edit: (file: SecretFile) => void): void {
    mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
    const lock = `${this.file}.lock`;
    acquire(lock);
    try {
      const file = this.read();
      edit(file);
      this.write(file);
    } finally {
      rmSync(lock, { force: true });
    }
  }

  private read(): SecretFile {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { version: 1, secrets: {} };
      throw error;
    }
    const parsed = FileSchema.safeParse(jsonOrNull(text));
    if (parsed.success) return parsed.data;
    throw new WindtunnelError('E_STATE_DAMAGED', `The secret store cannot be read: ${this.file}`, {
      hint: 'Restore the file, or delete it and set the secrets again.',
    });
  }

  private write(file: SecretFile): void {
    const temporary = `${this.file}.${randomBytes(6).toString('hex')}`;
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(fd, `${JSON.stringify(file, null, 2)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.file);
  }
}

function checkName(name: string): void {
  if (SecretNameSchema.safeParse(name).success) return;
  throw new WindtunnelError('E_SECRET_NAME', `Not a name for a secret: ${JSON.stringify(name)}`, {
    hint: 'Use letters, digits and underscores, not starting with a digit: it becomes an environment variable.',
  });
}

const LOCK_WAIT_MS = 5;
const LOCK_TRIES = 200;

function acquire(lock: string): void {
  for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    // A synchronous wait: the store is used by commands that end right after, and by the emulator a few times a day.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_WAIT_MS);
  }
  rmSync(lock, { force: true });
  acquire(lock);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

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

const SecretsSchema = z.record(
  z.string(),
  z.object({ value: z.string(), updatedAt: z.number(), exposed: z.exactOptional(z.boolean()) }),
);
const FileSchema = z.object({
  version: z.literal(1),
  /** Of the environment `main`. */
  secrets: SecretsSchema,
  /** Of the others, as `fal environments create` made them. */
  environments: z.exactOptional(z.record(z.string(), SecretsSchema)),
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
  list(environment = MAIN): (SecretInfo & { exposed: boolean })[] {
    return Object.entries(secretsOf(this.read(), environment))
      .map(([name, { updatedAt, exposed = true }]) => ({ name, updatedAt, exposed }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What apps of an environment get that name no secrets: all but those that are exposed by name alone. */
  values(environment = MAIN): Record<string, string> {
    const secrets = Object.entries(secretsOf(this.read(), environment));
    return Object.fromEntries(secrets.filter(([, { exposed = true }]) => exposed).map(entryOf));
  }

  /** Every value that must not be printed. */
  everyValue(): string[] {
    const file = this.read();
    const all = [file.secrets, ...Object.values(file.environments ?? {})];
    return all.flatMap((secrets) => Object.values(secrets).map(({ value }) => value));
  }

  /** Every value of an environment. */
  allValues(environment = MAIN): Record<string, string> {
    return Object.fromEntries(Object.entries(secretsOf(this.read(), environment)).map(entryOf));
  }

  /** Throws E_SECRET_NAME. */
  set(name: string, value: string, environment = MAIN, exposed = true): void {
    checkName(name);
    this.change((file) => {
      const kept = { value, updatedAt: this.clock.now(), ...(exposed ? {} : { exposed }) };
      secretsOf(file, environment)[name] = kept;
    });
  }

  /** False when there was none of that name. Throws E_SECRET_NAME. */
  unset(name: string, environment = MAIN): boolean {
    checkName(name);
    if (!Object.hasOwn(secretsOf(this.read(), environment), name)) return false;
    this.change((file) => {
      delete secretsOf(file, environment)[name];
    });
    return true;
  }

  /** Forgets all secrets of an environment that is no more. */
  dropEnvironment(environment: string): void {
    this.change((file) => {
      delete file.environments?.[environment];
    });
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

/** The environment that every account has, and whose secrets `windtunnel secret` manages. */
const MAIN = 'main';

type Secrets = SecretFile['secrets'];

const entryOf = ([name, { value }]: [string, Secrets[string]]): [string, string] => [name, value];

/** The secrets of one environment, to be read or changed in place. */
function secretsOf(file: SecretFile, environment: string): Secrets {
  if (environment === MAIN) return file.secrets;
  file.environments ??= {};
  file.environments[environment] ??= {};
  return file.environments[environment];
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

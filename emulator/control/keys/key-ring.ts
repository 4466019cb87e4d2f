import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';

const FileSchema = z.object({
  version: z.literal(1),
  /** Secret that signs the emulator's short-lived tokens; hex. */
  tokenSecret: z.string(),
  workspaceSecret: z.string(),
  /** Ed25519, PKCS #8 in PEM: signs webhooks. Made for a file of before it. */
  webhookKey: z._default(z.string(), newWebhookKey),
  exec: z.array(
    z.object({
      id: z.string(),
      /** SHA-256 of the secret; the secret itself is known to the caller alone. */
      hash: z.string(),
      label: z.string(),
      /** ms since the epoch. */
      createdAt: z.number(),
      proxyEnv: z.record(z.string(), z.string()),
    }),
  ),
  user: z._default(
    z.array(
      z.object({
        id: z.string(),
        hash: z.string(),
        alias: z.string(),
        scope: z.enum(['ADMIN', 'API']),
        createdAt: z.number(),
      }),
    ),
    [],
  ),
});
type KeyFile = z.infer<typeof FileSchema>;

export interface KeyIdentity {
  kind: 'workspace' | 'exec' | 'runner' | 'user';
  user: string;
}

/** A key of `fal keys create`; its secret is not kept. */
export interface UserKey {
  id: string;
  alias: string;
  /** ADMIN may do everything here; API calls apps. */
  scope: 'ADMIN' | 'API';
  /** ms since the epoch. */
  createdAt: number;
}

export interface ExecKey {
  id: string;
  label: string;
  /** The proxy variables of the shell that it was made for. */
  proxyEnv: Record<string, string>;
}

// A shell with `eval "$(windtunnel env --shell)"` outlives restarts of the emulator, but not a month.
const EXEC_KEY_MS = 30 * 24 * 3600 * 1000;
const EXEC_KEYS = 500;

/** The keys of one workspace: its own, one for each `exec` or `env`, and those of live runners. Kept in a 0600 file. */
export class KeyRing {
  private readonly file: string;
  private readonly clock: Clock;
  private readonly user: string;
  private readonly state: KeyFile;
  private readonly runners = new Set<string>();

  private constructor(file: string, clock: Clock, user: string, state: KeyFile) {
    this.file = file;
    this.clock = clock;
    this.user = user;
    this.state = state;
  }

  /** `user` is whom the apps see as the caller. Throws E_STATE_DAMAGED. */
  static open(file: string, clock: Clock, user: string): KeyRing {
    const ring = new KeyRing(file, clock, user, readKeys(file) ?? freshKeys());
    ring.state.exec = ring.state.exec.filter((key) => clock.now() - key.createdAt < EXEC_KEY_MS).slice(-EXEC_KEYS);
    ring.save();
    return ring;
  }

  /** `id:secret`: may do everything here. */
  get workspaceKey(): string {
    return `workspace:${this.state.workspaceSecret}`;
  }

  get tokenSecret(): Uint8Array {
    return Buffer.from(this.state.tokenSecret, 'hex');
  }

  get webhookKey(): string {
    return this.state.webhookKey;
  }

  /** A new key for a program; returns its secret, the only time. */
  issueExec(label: string, proxyEnv: Record<string, string>): string {
    const secret = randomBytes(24).toString('hex');
    const id = randomBytes(6).toString('hex');
    this.state.exec.push({ id, hash: digest(secret), label, createdAt: this.clock.now(), proxyEnv });
    this.save();
    return secret;
  }

  /** A key for one runner's FAL_KEY, `id:secret`, until it is revoked. */
  issueRunner(): string {
    const key = `runner:${randomBytes(24).toString('hex')}`;
    this.runners.add(digest(secretOf(key)));
    return key;
  }

  revokeRunner(key: string): void {
    this.runners.delete(digest(secretOf(key)));
  }

  /** A key for `fal keys create`; returns its secret, the only time. */
  createUser(alias: string, scope: UserKey['scope']): { id: string; secret: string } {
    const id = randomUUID();
    const secret = randomBytes(16).toString('hex');
    this.state.user.push({ id, hash: digest(secret), alias, scope, createdAt: this.clock.now() });
    this.save();
    return { id, secret };
  }

  userKeys(): UserKey[] {
    return this.state.user.map(({ id, alias, scope, createdAt }) => ({ id, alias, scope, createdAt }));
  }

  /** False when there is none of that id. */
  revokeUser(id: string): boolean {
    const kept = this.state.user.filter((key) => key.id !== id);
    if (kept.length === this.state.user.length) return false;
    this.state.user = kept;
    this.save();
    return true;
  }

  /** Whether a key in the form `id:secret` may deploy, stop runners and change secrets here. */
  mayAdminister(key: string): boolean {
    const hash = digest(secretOf(key));
    const kind = this.verify(key)?.kind;
    if (kind === 'user') return this.state.user.some((user) => user.hash === hash && user.scope === 'ADMIN');
    return kind === 'workspace' || kind === 'exec';
  }

  /** Who a key in the form `id:secret`, or its secret alone, belongs to. */
  verify(key: string): KeyIdentity | null {
    const hash = digest(secretOf(key));
    // Comparing hashes leaks nothing that helps to guess a secret of 192 random bits.
    if (hash === digest(this.state.workspaceSecret)) return { kind: 'workspace', user: this.user };
    if (this.runners.has(hash)) return { kind: 'runner', user: this.user };
    if (this.state.user.some((key) => key.hash === hash)) return { kind: 'user', user: this.user };
    return this.findExec(hash) ? { kind: 'exec', user: this.user } : null;
  }

  /** The exec key that this secret opens, for the proxy's credentials. */
  execKey(secret: string): ExecKey | null {
    const found = this.findExec(digest(secretOf(secret)));
    return found ? { id: found.id, label: found.label, proxyEnv: found.proxyEnv } : null;
  }

  private findExec(hash: string): KeyFile['exec'][number] | undefined {
    return this.state.exec.find((key) => key.hash === hash);
  }

  private save(): void {
    mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
    const temporary = `${this.file}.${randomBytes(6).toString('hex')}`;
    writeFileSync(temporary, JSON.stringify(this.state), { mode: 0o600 });
    renameSync(temporary, this.file);
  }
}

function freshKeys(): KeyFile {
  const random = (bytes: number) => randomBytes(bytes).toString('hex');
  return {
    version: 1,
    tokenSecret: random(32),
    workspaceSecret: random(24),
    webhookKey: newWebhookKey(),
    exec: [],
    user: [],
  };
}

function newWebhookKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function readKeys(file: string): KeyFile | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    return FileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new WindtunnelError('E_STATE_DAMAGED', `The keys of this workspace cannot be read: ${file}`, {
      hint: 'Move the damaged state aside with `windtunnel clean --state`.',
      actions: ['windtunnel clean --state'],
      cause,
    });
  }
}

const secretOf = (key: string): string => key.slice(key.lastIndexOf(':') + 1);

const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex');

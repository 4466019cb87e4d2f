import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';

export interface Login {
  username: string;
  password: string;
}

const ConfigSchema = z.object({
  auths: z.optional(z.record(z.string(), z.object({ auth: z.optional(z.string()) }))),
  credHelpers: z.optional(z.record(z.string(), z.string())),
  credsStore: z.optional(z.string()),
});
const HelperSchema = z.object({ Username: z.string(), Secret: z.string() });

/** Docker Hub has a name of its own in the CLI's configuration. */
const HUB = 'https://index.docker.io/v1/';
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'https://index.docker.io/v1/']);

/** The login for a registry: the app's own, else the one that `docker login` left. */
export class RegistryLogins {
  private readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;

  /** `folder`: the docker CLI's configuration. */
  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.env = env;
  }

  async find(host: string, own: Readonly<Record<string, Login>>): Promise<Login | null> {
    const names = HUB_HOSTS.has(host) ? [HUB, 'docker.io', 'index.docker.io'] : [host, `https://${host}`];
    for (const name of names) if (own[name]) return own[name];
    const config = this.config();
    for (const name of names) {
      const helper = config.credHelpers?.[name] ?? config.credsStore;
      const stored = helper ? await this.ask(helper, name) : null;
      const login = stored ?? decoded(config.auths?.[name]?.auth);
      if (login) return login;
    }
    return null;
  }

  private config(): z.infer<typeof ConfigSchema> {
    try {
      const parsed = z.safeParse(ConfigSchema, JSON.parse(readFileSync(path.join(this.folder, 'config.json'), 'utf8')));
      return parsed.success ? parsed.data : {};
    } catch {
      return {}; // No configuration, or none that can be read: no logins.
    }
  }

  private ask(helper: string, host: string): Promise<Login | null> {
    return new Promise((resolve) => {
      const child = spawn(`docker-credential-${helper}`, ['get'], { env: this.env, stdio: ['pipe', 'pipe', 'ignore'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      // A helper that is missing, or knows no login, is none: the registry says what it wants.
      child.on('error', () => resolve(null));
      child.stdin.on('error', () => resolve(null));
      child.on('close', () => resolve(answerOf(text)));
      child.stdin.end(host);
    });
  }
}

function answerOf(text: string): Login | null {
  try {
    const answer = z.safeParse(HelperSchema, JSON.parse(text));
    return answer.success ? { username: answer.data.Username, password: answer.data.Secret } : null;
  } catch {
    return null; // "credentials not found in native keychain"
  }
}

function decoded(auth: string | undefined): Login | null {
  if (!auth) return null;
  const text = Buffer.from(auth, 'base64').toString();
  const at = text.indexOf(':');
  return at < 0 ? null : { username: text.slice(0, at), password: text.slice(at + 1) };
}

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';

/** How a daemon is dialled. */
export type DaemonAddress =
  | { kind: 'socket'; path: string }
  | { kind: 'tcp'; host: string; port: number; tls: { ca?: string; cert?: string; key?: string } | null };

/** One place where a daemon may be, in the order of preference; `problem` says why it cannot even be dialled. */
export interface DaemonCandidate {
  /** Where it was named: `DOCKER_HOST`, `context colima`, `default socket`. */
  source: string;
  /** As a person writes it. */
  url: string;
  address: DaemonAddress | null;
  problem: string | null;
  fix: string | null;
}

/** What this machine says of where its daemon is. */
export interface DaemonPlaces {
  candidates: DaemonCandidate[];
  /** The user named one, by DOCKER_HOST or a context: no other is tried. */
  named: boolean;
}

export interface DaemonEnvironment {
  env: NodeJS.ProcessEnv;
  home: string;
  uid: number;
}

const ConfigSchema = z.object({ currentContext: z.optional(z.string()) });
const MetaSchema = z.object({
  Endpoints: z.object({ docker: z.object({ Host: z.string(), SkipTLSVerify: z.optional(z.boolean()) }) }),
});

/** As the docker CLI decides it: DOCKER_HOST, then DOCKER_CONTEXT, then the current context, then the usual sockets. */
export function daemonPlaces(machine: DaemonEnvironment): DaemonPlaces {
  const { env } = machine;
  if (env.DOCKER_HOST) {
    return { named: true, candidates: [fromUrl('DOCKER_HOST', env.DOCKER_HOST, tlsOfEnvironment(machine))] };
  }
  const folder = configFolder(machine);
  const context = env.DOCKER_CONTEXT ?? currentContext(folder);
  if (context && context !== 'default') return { named: true, candidates: [fromContext(folder, context)] };
  return { named: false, candidates: usualSockets(machine).map(([source, file]) => socket(source, file)) };
}

function usualSockets({ env, home, uid }: DaemonEnvironment): [source: string, file: string][] {
  const runtime = env.XDG_RUNTIME_DIR ?? `/run/user/${uid}`;
  const colima = env.COLIMA_HOME ?? path.join(home, '.colima');
  const sockets: [string, string][] = [
    ['default socket', '/var/run/docker.sock'],
    ['rootless', path.join(runtime, 'docker.sock')],
    ['Docker Desktop', path.join(home, '.docker/run/docker.sock')],
    ['Docker Desktop', path.join(home, '.docker/desktop/docker.sock')],
    ['Colima', path.join(colima, 'default/docker.sock')],
    ['Colima', path.join(env.XDG_CONFIG_HOME ?? path.join(home, '.config'), 'colima/default/docker.sock')],
    ['OrbStack', path.join(home, '.orbstack/run/docker.sock')],
    ['Rancher Desktop', path.join(home, '.rd/docker.sock')],
    ['Podman', path.join(runtime, 'podman/podman.sock')],
    ['Podman', '/run/podman/podman.sock'],
  ];
  return sockets;
}

const socket = (source: string, file: string): DaemonCandidate => ({
  source,
  url: `unix://${file}`,
  address: { kind: 'socket', path: file },
  problem: null,
  fix: null,
});

function fromUrl(source: string, url: string, tls: Tls | null): DaemonCandidate {
  const unusable = (problem: string, fix: string): DaemonCandidate => ({ source, url, address: null, problem, fix });
  if (url.startsWith('/')) return socket(source, url);
  if (url.startsWith('unix://')) return { ...socket(source, url.slice('unix://'.length)), url };
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return unusable('it is no URL', 'Write it as unix:///path/docker.sock or tcp://host:2376.');
  }
  if (parsed.protocol === 'ssh:') {
    const target = `${parsed.username ? `${parsed.username}@` : ''}${parsed.hostname}${parsed.port ? ` -p ${parsed.port}` : ''}`;
    return unusable(
      'a daemon behind ssh is not dialled by Windtunnel itself',
      `Run \`ssh -nNT -L /tmp/docker-remote.sock:/var/run/docker.sock ${target}\`, and set DOCKER_HOST=unix:///tmp/docker-remote.sock.`,
    );
  }
  if (parsed.protocol !== 'tcp:' && parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    return unusable(`${parsed.protocol}// is not supported`, 'Use unix:// or tcp://.');
  }
  const secure = tls !== null || parsed.protocol === 'https:' || parsed.port === '2376';
  const port = Number(parsed.port) || (secure ? 2376 : 2375);
  return {
    source,
    url,
    address: { kind: 'tcp', host: parsed.hostname, port, tls: secure ? (tls ?? {}) : null },
    problem: null,
    fix: null,
  };
}

type Tls = NonNullable<Extract<DaemonAddress, { kind: 'tcp' }>['tls']>;

function tlsOfEnvironment(machine: DaemonEnvironment): Tls | null {
  const { env } = machine;
  if (!env.DOCKER_TLS_VERIFY && !env.DOCKER_CERT_PATH) return null;
  return certificates(env.DOCKER_CERT_PATH ?? configFolder(machine));
}

/** What of ca.pem, cert.pem and key.pem is there. */
function certificates(folder: string): Tls {
  const read = (name: string) => {
    const file = path.join(folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(read);
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

function fromContext(folder: string, name: string): DaemonCandidate {
  const source = `context ${name}`;
  const id = createHash('sha256').update(name).digest('hex');
  const file = path.join(folder, 'contexts/meta', id, 'meta.json');
  const fix = 'List the contexts with `docker context ls`, choose one with `docker context use NAME`.';
  const broken = (problem: string): DaemonCandidate => ({ source, url: file, address: null, problem, fix });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return broken('there is no such context');
  }
  const meta = z.safeParse(MetaSchema, parseJson(text));
  if (!meta.success) return broken('the context has no docker endpoint');
  const tls = path.join(folder, 'contexts/tls', id, 'docker');
  return fromUrl(source, meta.data.Endpoints.docker.Host, existsSync(tls) ? certificates(tls) : null);
}

function currentContext(folder: string): string | null {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'config.json'), 'utf8');
  } catch {
    return null; // No configuration of Docker: the usual case.
  }
  const config = z.safeParse(ConfigSchema, parseJson(text));
  return config.success ? (config.data.currentContext ?? null) : null;
}

const configFolder = ({ env, home }: DaemonEnvironment): string => env.DOCKER_CONFIG ?? path.join(home, '.docker');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

import { createHash } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAsNobody } from '../../../test/support/docker/find-as-nobody.ts';
import { requires } from '../../../test/support/skip.ts';
import type { WindtunnelError } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { daemonPlaces } from './daemon-candidates.ts';
import { type DaemonSearch, findDaemon } from './find-daemon.ts';

let home: string;
const servers: net.Server[] = [];

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'wtd-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  }
  await rm(home, { recursive: true });
});

const search = (env: NodeJS.ProcessEnv = {}, rest: Partial<DaemonSearch> = {}): DaemonSearch => ({
  env: { XDG_RUNTIME_DIR: path.join(home, 'run'), ...env },
  home,
  uid: 1000,
  clock: systemClock,
  cli: null,
  ...rest,
});

const refusal = (given: DaemonSearch): Promise<WindtunnelError> =>
  findDaemon(given).then(
    ({ candidate }) => {
      throw new Error(`it found a daemon: ${candidate.url}`);
    },
    (error: WindtunnelError) => error,
  );

/** Stands in for a daemon: answers as Docker 28 does. */
async function standIn(file: string, version: object = { Version: '28.5.2', ApiVersion: '1.51' }): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  const server = http.createServer((request, response) => {
    const answers: Record<string, object> = {
      '/version': version,
      '/info': { MemTotal: 8e9, NCPU: 4, OSType: 'linux', Architecture: 'x86_64' },
    };
    const answer = answers[request.url ?? ''];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'not found' }));
  });
  await listen(server, file);
  return `unix://${file}`;
}

async function listen(server: net.Server, file: string): Promise<void> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(file, resolve));
}

async function context(name: string, host: string): Promise<void> {
  const folder = path.join(home, '.docker/contexts/meta', createHash('sha256').update(name).digest('hex'));
  await mkdir(folder, { recursive: true });
  await writeFile(
    path.join(folder, 'meta.json'),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }),
  );
  await writeFile(path.join(home, '.docker/config.json'), JSON.stringify({ currentContext: name }));
}

/** Root may use any socket: then the search runs as nobody, in a process of its own. */
const codeAsUser = async (env: NodeJS.ProcessEnv): Promise<string> =>
  (process.getuid?.() === 0 ? await findAsNobody(env) : await refusal(search(env))).code;

/** The usual places are looked at in the stand-in home; a daemon of this machine's own must not be found. */
const named = (host: string): NodeJS.ProcessEnv => ({ DOCKER_HOST: host });

describe('a daemon is found as the docker command finds it', () => {
  it('by DOCKER_HOST, before any context', async () => {
    await context('elsewhere', `unix://${path.join(home, 'none.sock')}`);
    const url = await standIn(path.join(home, 'd.sock'));
    const found = await findDaemon(search(named(url)));
    expect(found.candidate.source).toBe('DOCKER_HOST');
    expect(found.facts).toMatchObject({ kind: 'docker', version: '28.5.2', cpus: 4, sharesFiles: true, cdi: false });
  });

  it('by the current context', async () => {
    await context('colima', await standIn(path.join(home, 'c.sock')));
    expect((await findDaemon(search())).candidate.source).toBe('context colima');
  });

  it('at the usual sockets: rootless, Docker Desktop, Colima, Podman', () => {
    const urls = daemonPlaces(search()).candidates.map(({ url }) => url.replace(home, '~'));
    expect(urls).toEqual([
      'unix:///var/run/docker.sock',
      'unix://~/run/docker.sock',
      'unix://~/.docker/run/docker.sock',
      'unix://~/.docker/desktop/docker.sock',
      'unix://~/.colima/default/docker.sock',
      'unix://~/.config/colima/default/docker.sock',
      'unix://~/.orbstack/run/docker.sock',
      'unix://~/.rd/docker.sock',
      'unix://~/run/podman/podman.sock',
      'unix:///run/podman/podman.sock',
    ]);
  });

  it('Podman is known as such', async () => {
    const version = { Version: '4.3.1', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] };
    const found = await findDaemon(search(named(await standIn(path.join(home, 'p.sock'), version))));
    expect(found.facts).toMatchObject({ kind: 'podman', cdi: false });
  });

  it('with a certificate, by tcp', () => {
    const { candidates } = daemonPlaces(search({ DOCKER_HOST: 'tcp://box:2376', DOCKER_TLS_VERIFY: '1' }));
    expect(candidates[0]?.address).toEqual({ kind: 'tcp', host: 'box', port: 2376, tls: {} });
  });
});

describe('where there is none, the error names the layer, the places and the fix', () => {
  it('Docker is not installed', async (context) => {
    await requires('noDaemon')(context);
    const error = await refusal(search());
    expect(error).toMatchObject({ code: 'E_DOCKER_MISSING', kind: 'user' });
    expect(error.hint).toContain('--engine process');
    expect(error.detail).toContain('Colima: unix://');
  });

  it('it is installed, and no daemon runs', async (context) => {
    await requires('noDaemon')(context);
    const error = await refusal(search({}, { cli: '/usr/bin/docker' }));
    expect(error).toMatchObject({ code: 'E_DOCKER_DOWN' });
    expect(error.message).toContain('/usr/bin/docker');
    expect(error.hint).toContain('systemctl start docker');
  });

  it('a socket is left, and nobody listens on it', async (context) => {
    await requires('noDaemon')(context);
    const file = path.join(home, '.docker/run/docker.sock');
    await standIn(file);
    // Killed, a daemon leaves its socket behind.
    const kept = servers.splice(0)[0]!;
    const copy = `${file}.kept`;
    await link(file, copy);
    await new Promise((resolve) => kept.close(resolve));
    await rename(copy, file);
    const error = await refusal(search());
    expect(error).toMatchObject({ code: 'E_DOCKER_DOWN' });
    expect(error.message).toContain('no daemon listens on it');
  });

  it('the socket is not for this user', async () => {
    const file = path.join(home, 'd.sock');
    const url = await standIn(file);
    await chmod(home, 0o755);
    await chmod(file, 0o000);
    expect(await codeAsUser(named(url))).toBe('E_DOCKER_PERMISSION');
  });

  it('the daemon hangs: the answer comes all the same', async () => {
    const file = path.join(home, 'd.sock');
    let connected: () => void = () => undefined;
    const dialled = new Promise<void>((resolve) => {
      connected = resolve;
    });
    await listen(
      net.createServer(() => connected()),
      file,
    );
    const clock = new FakeClock();
    const refused = refusal(search(named(`unix://${file}`), { clock }));
    await dialled;
    clock.advance(2_000);
    const error = await refused;
    expect(error).toMatchObject({ code: 'E_DOCKER_CONTEXT' });
    expect(error.message).toContain('no answer within 1.8 s');
  });

  it.each<[string, () => Promise<NodeJS.ProcessEnv>, RegExp]>([
    ['a context that is not there', async () => ({ DOCKER_CONTEXT: 'gone' }), /context gone .*no such context/],
    [
      'a context whose daemon is not there',
      async () => {
        await context('box', `unix://${path.join(home, 'box.sock')}`);
        return {};
      },
      /context box .*no such socket/,
    ],
    ['a DOCKER_HOST behind ssh', async () => named('ssh://me@box'), /DOCKER_HOST \(ssh:\/\/me@box\).*ssh/],
    ['a DOCKER_HOST that is no URL', async () => named('what is this'), /it is no URL/],
  ])('%s', async (_name, prepare, message) => {
    const error = await refusal(search(await prepare()));
    expect(error).toMatchObject({ code: 'E_DOCKER_CONTEXT' });
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
  });
});

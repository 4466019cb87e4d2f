import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { emptyNetwork } from './namespace.ts';

const execute = promisify(execFile);

/** What a test may need that a machine may lack: each with how to ask, and what to say when it is not there. */
export const NEEDS = {
  linux: {
    ask: async () => process.platform === 'linux',
    reason: 'needs Linux',
  },
  docker: {
    ask: () => succeeds('docker', ['info', '--format', '{{.ServerVersion}}']),
    reason: 'needs a Docker engine that answers `docker info`',
  },
  chromium: {
    ask: () => succeeds(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', ['--version']),
    reason: 'needs Chromium (Debian package chromium, or CHROMIUM_PATH)',
  },
  dockerd: {
    ask: async () =>
      process.platform === 'linux' &&
      process.getuid?.() === 0 &&
      (await succeeds('dockerd', ['--version'])) &&
      (await succeeds('docker', ['--version'])) &&
      (await succeeds('debootstrap', ['--version'])) &&
      (await succeeds('iptables', ['-w', '-t', 'nat', '-S', 'POSTROUTING'])),
    reason: 'needs root on Linux with dockerd, docker, debootstrap and iptables, to start a daemon of its own',
  },
  podman: {
    ask: () => succeeds('podman', ['--version']),
    reason: 'needs Podman',
  },
  noGpu: {
    ask: async () => !['/dev/nvidia0', '/dev/dxg', '/dev/kfd'].some((file) => existsSync(file)),
    reason: 'needs a machine without a GPU',
  },
  noDaemon: {
    ask: async () => !['/var/run/docker.sock', '/run/podman/podman.sock'].some((file) => existsSync(file)),
    reason: 'needs a machine without a Docker daemon of its own',
  },
  curl: { ask: () => succeeds('curl', ['--version']), reason: 'needs curl' },
  openssl: { ask: () => succeeds('openssl', ['version']), reason: 'needs openssl' },
  strace: {
    ask: () => succeeds('strace', ['-o', '/dev/null', 'true']),
    reason: 'needs strace, and leave to trace a child',
  },
  mountNamespace: {
    ask: () => succeeds('unshare', ['--mount', '--map-root-user', 'true']),
    reason: 'needs private mount namespaces (unshare --mount --map-root-user)',
  },
  networkNamespace: {
    ask: async () => (await succeeds('unshare', ['-n', 'true'])) || (await succeeds('unshare', ['-rn', 'true'])),
    reason: 'needs private network namespaces (unshare -n or -rn)',
  },
  emptyNetwork: {
    ask: async () => emptyNetwork({ mounts: true }) !== null,
    reason:
      'needs private network and mount namespaces (unshare --net --mount, with --map-root-user for other than root)',
  },
  outerAddress: {
    ask: async () =>
      Object.values(networkInterfaces()).some((all) =>
        all?.some(({ family, internal }) => family === 'IPv4' && !internal),
      ),
    reason: 'needs an IPv4 address besides loopback',
  },
  root: { ask: async () => process.getuid?.() === 0, reason: 'needs root' },
} as const satisfies Record<string, { ask: () => Promise<boolean>; reason: string }>;

export type Need = keyof typeof NEEDS;

const answers = new Map<Need, Promise<boolean>>();

/**
 * The only way to skip a test: a hook or first line that skips it, with the reason in the report, where the machine
 * lacks something. `beforeEach(requires('docker'))`, or `await requires('docker')(context)` in a test.
 */
export function requires(...needs: Need[]): (context: Pick<TestContext, 'skip'>) => Promise<void> {
  return async (context) => {
    for (const need of needs) {
      if (!(await has(need))) context.skip(NEEDS[need].reason);
    }
  };
}

/** Whether the machine has it, for what a suite sets up before its tests skip themselves. */
export function has(need: Need): Promise<boolean> {
  const answer = answers.get(need) ?? NEEDS[need].ask();
  answers.set(need, answer);
  return answer;
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    await execute(command, args, { timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

import { execFileSync } from 'node:child_process';

/** Commands that suites use, and the Debian packages that bring them. */
const WANTED = [
  {
    probe: ['python3', '-c', 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10)'],
    packages: ['python3', 'python3-venv'],
  },
  { probe: ['curl', '--version'], packages: ['curl'] },
  { probe: ['openssl', 'version'], packages: ['openssl'] },
  { probe: ['dockerd', '--version'], packages: ['docker.io'] },
  { probe: ['debootstrap', '--version'], packages: ['debootstrap'] },
  { probe: ['iptables', '--version'], packages: ['iptables'] },
  { probe: [process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', '--version'], packages: ['chromium'] },
];
/** Of parts that are run when named only. */
const WANTED_BY = { podman: [{ probe: ['podman', '--version'], packages: ['podman'] }] };

/**
 * Installs with apt what is missing, where that is allowed: as root on Debian or Ubuntu, or with CI=true and sudo.
 * What stays missing is named; the tests that need it skip themselves with a reason or fail.
 */
export function installSystemPackages(log, parts = []) {
  const wanted = [...WANTED, ...parts.flatMap((part) => WANTED_BY[part] ?? [])];
  const missing = wanted.filter(({ probe }) => !succeeds(probe)).flatMap(({ packages }) => packages);
  if (missing.length === 0) return;
  const prefix = aptPrefix();
  if (prefix === null) {
    log(`Missing and not installed (no root, or no apt-get): ${missing.join(', ')}`);
    return;
  }
  log(`apt-get install ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', ...missing],
  ]) {
    const [command, ...rest] = [...prefix, 'apt-get', ...args];
    execFileSync(command, rest, { stdio: ['ignore', 2, 2], env });
  }
}

function aptPrefix() {
  if (!succeeds(['apt-get', '--version'])) return null;
  if (process.getuid() === 0) return [];
  return process.env.CI === 'true' && succeeds(['sudo', '-n', 'true']) ? ['sudo', '-n'] : null;
}

function succeeds([command, ...args]) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

import { type Browser, chromium } from 'playwright-core';

/** Debian's; CHROMIUM_PATH names another. */
const EXECUTABLE = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/**
 * A real browser without a window. It resolves loopback and nothing else, but for `hosts`, which it takes for this machine: no page
 * of a test reaches the network. It gets no proxy variable either, as a browser that was not started under `exec`.
 */
export function launchChromium(hosts: readonly string[] = []): Promise<Browser> {
  const known = ['localhost', ...hosts].map((host) => `MAP ${host} 127.0.0.1`);
  const rules = [...known, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'];
  return chromium.launch({
    executablePath: EXECUTABLE,
    // Chromium's sandbox refuses to run as root, as it does in a container of CI.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--no-proxy-server', `--host-resolver-rules=${rules.join(' , ')}`],
    env: environment(),
  });
}

function environment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/proxy|^NODE_|^FAL_|^SSL_/i.test(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

import { VSCODE_VERSIONS, type VsCodeVersion } from './install-server.ts';

/** In which VS Code the tests of the extension host run. */
export type WhichCode = 'desktop' | 'headless';

/**
 * A desktop has VS Code itself, which @vscode/test-electron downloads. VS Code's server with Chromium stands in for it in CI and on a
 * Linux without a display. `WINDTUNNEL_TEST_CODE` says otherwise.
 */
export function whichCode(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): WhichCode {
  const named = env.WINDTUNNEL_TEST_CODE;
  if (named === 'desktop' || named === 'headless') return named;
  if (named) throw new Error(`WINDTUNNEL_TEST_CODE is desktop or headless, not ${named}`);
  if (env.CI === 'true') return 'headless';
  return platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY ? 'headless' : 'desktop';
}

/** What @vscode/test-electron is asked for: a release of the desktop, whose minor code-server has as its own. */
export function desktopVersion(version: VsCodeVersion): string {
  return version === 'newest' ? 'stable' : VSCODE_VERSIONS[version].server.replace(/^4\./, '1.');
}

import { planForUv } from '../installer-settings.ts';

/** pip's settings that have a meaning in a build, by the names of its variables. */
const PIP = [
  'index-url',
  'extra-index-url',
  'find-links',
  'no-index',
  'trusted-host',
  'pre',
  'only-binary',
  'no-binary',
];
const UV =
  /^UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|PRERELEASE|RESOLUTION|EXCLUDE_NEWER|TORCH_BACKEND|INDEX_STRATEGY|INSECURE_HOST|NO_BINARY|ONLY_BINARY|HTTP_TIMEOUT)$/;

/**
 * How the installers in a build are configured: as pip is on this machine, without what names files of it, which a build
 * cannot read. `leftOut` says what that was.
 */
export function imageInstallerEnv(
  pip: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
): { env: Record<string, string>; leftOut: string[] } {
  const leftOut: string[] = [];
  const reachable = (name: string, value: string) =>
    value
      .split(/\s+/)
      .filter((word) => {
        const local = /^(\/|~|\.{1,2}\/|file:)/.test(word);
        if (local) leftOut.push(`${name} ${word}`);
        return word !== '' && !local;
      })
      .join(' ');
  const kept = new Map<string, string>();
  for (const name of PIP) {
    const value = reachable(name, pip.get(name) ?? '');
    if (value !== '') kept.set(name, value);
  }
  const settings: Record<string, string> = {};
  for (const [name, value] of kept) settings[`PIP_${name.replaceAll('-', '_').toUpperCase()}`] = value;
  for (const [name, given] of Object.entries(env)) {
    if (!UV.test(name) || given === undefined) continue;
    const value = reachable(name, given);
    if (value !== '') settings[name] = value;
  }
  const plan = planForUv(kept, env);
  if (plan.installer === 'uv' && plan.args.length === 0) {
    const { SSL_CERT_FILE: _bundleOfThisMachine, ...rest } = plan.env;
    Object.assign(settings, rest);
  } else {
    settings.WINDTUNNEL_INSTALLER = 'pip';
  }
  return { env: settings, leftOut };
}

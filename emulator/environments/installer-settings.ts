/** What the installer's environment must be, given what pip is configured with. */
export type InstallerPlan =
  /** uv, with these variables on top, and arguments for what has no variable. */
  | { installer: 'uv'; env: Record<string, string>; args: string[] }
  /** pip, because its configuration says something that uv has no word for. */
  | { installer: 'pip'; reason: string };

// Set by the user for uv: then pip's configuration is not uv's business.
const UV_INDEX_VARIABLES = [
  'UV_DEFAULT_INDEX',
  'UV_INDEX_URL',
  'UV_INDEX',
  'UV_EXTRA_INDEX_URL',
  'UV_FIND_LINKS',
  'UV_NO_INDEX',
];

// What changes nothing about which packages are found.
const HARMLESS = new Set(
  [
    'disable-pip-version-check cache-dir no-cache-dir progress-bar quiet verbose no-color no-input retries log format',
    'user target prefix require-virtualenv break-system-packages no-warn-script-location no-warn-conflicts',
    'root-user-action no-compile compile upgrade upgrade-strategy exists-action use-pep517 prefer-binary',
    'python-version-warning default-timeout timeout config-file debug python isolated',
  ].flatMap((line) => line.split(' ')),
);

/** Effective settings of `pip config list`: the environment over `install` over `global`. */
export function parsePipConfig(output: string): Map<string, string> {
  const rank = (section: string) =>
    section === ':env:' ? 2 : section === 'install' ? 1 : section === 'global' ? 0 : -1;
  const settings = new Map<string, { rank: number; value: string }>();
  for (const line of output.split('\n')) {
    const match = /^([^.=]+)\.([\w-]+)=(['"])(.*)\3$/.exec(line.trim());
    if (!match) continue;
    const [, section = '', key = '', , value = ''] = match;
    const current = settings.get(key);
    const r = rank(section);
    if (r < 0 || (current && current.rank > r)) continue;
    settings.set(key, { rank: r, value: value.replaceAll('\\n', '\n').replaceAll("\\'", "'") });
  }
  return new Map([...settings].map(([key, { value }]) => [key, value.trim()]));
}

/** Tells uv, by variables where there are any (arguments show in `ps`), what pip is configured with. */
export function planForUv(pip: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): InstallerPlan {
  const out: Record<string, string> = {};
  const args: string[] = [];
  const set = (name: string, value: string) => {
    if (env[name] === undefined && value !== '') out[name] = value;
  };
  const words = (value: string) => value.split(/\s+/).filter((word) => word !== '');
  const ownIndex = UV_INDEX_VARIABLES.some((name) => env[name] !== undefined);
  for (const [key, value] of pip) {
    switch (key) {
      case 'index-url':
        if (!ownIndex) set('UV_DEFAULT_INDEX', value);
        break;
      case 'extra-index-url':
        if (ownIndex) break;
        set('UV_EXTRA_INDEX_URL', words(value).join(' '));
        // pip takes the best version over all indexes; uv by default stops at the first that has the name.
        set('UV_INDEX_STRATEGY', 'unsafe-best-match');
        break;
      case 'find-links':
        if (!ownIndex) set('UV_FIND_LINKS', words(value).join(','));
        break;
      case 'no-index':
        if (!ownIndex && isOn(value)) args.push('--no-index');
        break;
      case 'constraint':
        args.push(...words(value).flatMap((file) => ['-c', file]));
        break;
      case 'trusted-host':
        set('UV_INSECURE_HOST', words(value).join(' '));
        break;
      case 'pre':
        if (isOn(value)) set('UV_PRERELEASE', 'allow');
        break;
      case 'cert':
        set('SSL_CERT_FILE', value);
        break;
      case 'proxy':
        set('ALL_PROXY', value);
        break;
      default:
        if (!HARMLESS.has(key)) return { installer: 'pip', reason: `pip is configured with ${key}` };
    }
  }
  // uv reads SSL_CERT_FILE only; pip and requests have variables of their own for the same bundle.
  for (const name of ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE']) {
    const bundle = env[name];
    if (bundle && out.SSL_CERT_FILE === undefined) set('SSL_CERT_FILE', bundle);
  }
  return { installer: 'uv', env: out, args };
}

const isOn = (value: string): boolean => /^(1|true|yes|on)$/i.test(value);

/** Variables of a shell or editor that would send an installer into another environment. */
const MISLEADING = [
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONUSERBASE',
  'PYTHONSTARTUP',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
  '__PYVENV_LAUNCHER__',
  'UV_PYTHON',
  'UV_PROJECT',
  'UV_PROJECT_ENVIRONMENT',
  'UV_SYSTEM_PYTHON',
  'UV_WORKING_DIR',
  'PIP_USER',
  'PIP_TARGET',
  'PIP_PREFIX',
  'PIP_ROOT',
  'PIP_PYTHON',
  'PIP_REQUIRE_VIRTUALENV',
];

/** The environment that installers and probes run in. Proxies, CA bundles and index settings pass through. */
export function installerEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const clean: NodeJS.ProcessEnv = { ...env };
  for (const name of MISLEADING) delete clean[name];
  return { ...clean, PYTHONNOUSERSITE: '1', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1', NO_COLOR: '1' };
}

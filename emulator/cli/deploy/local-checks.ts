import type { DeployCheck } from '../../contract/index.ts';
import type { SourceFinding } from '../../find/checks/finding.ts';
import type { Failure, Inspection, LoadedApp } from './fal-project.ts';

export type Check = DeployCheck;

/** What the text alone tells. */
export function sourceChecks(findings: readonly SourceFinding[]): Check[] {
  if (findings.length === 0)
    return [ok('source', 'attributes, endpoints, imports and machine types are as the SDK knows them')];
  return findings.map(({ check, level, message, hint, range }) => ({
    check,
    state: level,
    message,
    hint,
    line: range.start.line,
  }));
}

/** What loading the file in the user's Python told: whether it imports, and whether it pickles. */
export function loadChecks({ app, versions }: Inspection): Check[] {
  if ('error' in app) return [importFailed(app.error)];
  const { value } = app;
  const seconds = value.importSeconds.toFixed(1);
  const imports = ok('import', `imported in ${seconds} s by Python ${versions.python}, fal ${versions.fal}`);
  return [imports, ...pickleChecks(value), ...pythonChecks(value, versions.python)];
}

function importFailed({ type, message, traceback }: Failure): Check {
  const missing = type === 'ModuleNotFoundError' ? /'([^']+)'/.exec(message)?.[1] : undefined;
  const hint =
    missing === undefined
      ? 'fal deploy imports the file on this machine: it must load here.'
      : `Install ${missing} beside fal, or import it where it is used: in setup() or in the endpoint.`;
  return { check: 'import', state: 'error', message: `${type}: ${message}`, hint, detail: traceback };
}

function pickleChecks({ pickle, kind }: LoadedApp): Check[] {
  if ('error' in pickle) {
    return [
      {
        check: 'pickle',
        state: 'error',
        message: `The app cannot be pickled: ${pickle.error}`,
        hint: 'Make such objects in setup(), not at the top of the file.',
        ...(pickle.culprits.length > 0 ? { detail: pickle.culprits.join('\n') } : {}),
      },
    ];
  }
  const local = pickle.local.map(
    ({ module, file }): Check => ({
      check: 'pickle',
      state: 'error',
      message: `The runner has no module ${module} (${file}).`,
      hint: `Send it: local_python_modules = ["${module}"].`,
    }),
  );
  // What an image holds is not known here.
  const absent = kind === 'container' ? [] : pickle.packages;
  const packages = absent.map(
    ({ module, packages: [first = module] }): Check => ({
      check: 'pickle',
      state: 'warning',
      message: `The code needs ${module} when it is loaded in the runner, and no requirement is known to bring it.`,
      hint: `Add it to requirements: "${first}".`,
    }),
  );
  const problems = [...local, ...packages];
  return problems.length > 0 ? problems : [ok('pickle', `pickles to ${Math.ceil(pickle.bytes / 1000)} kB`)];
}

function pythonChecks({ pythonVersion, image }: LoadedApp, python: string): Check[] {
  const minor = python.split('.').slice(0, 2).join('.');
  const wanted = pythonVersion?.split('.').slice(0, 2).join('.');
  if (wanted !== undefined && wanted !== minor) {
    return [
      {
        check: 'python',
        state: 'error',
        message: `The app wants Python ${wanted}, and fal runs in ${minor} here: what ${minor} pickles, ${wanted} cannot load.`,
        hint: `Deploy from a virtual environment of Python ${wanted}.`,
      },
    ];
  }
  const base = /^\s*FROM\s+(?:--\S+\s+)*(\S+)/im.exec(String(image?.dockerfile_str ?? ''))?.[1];
  const ofImage = base === undefined ? undefined : /^(?:.*\/)?python:(3\.\d+)/.exec(base)?.[1];
  if (ofImage === undefined || ofImage === minor) return [];
  return [
    {
      check: 'python',
      state: 'error',
      message: `The image has Python ${ofImage} (${base}), and fal runs in ${minor} here.`,
      hint: `Take an image with Python ${minor}, or deploy from a virtual environment of Python ${ofImage}.`,
    },
  ];
}

const SECRET = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Secrets that the app asks for, by name or in its requirements, against those of the remote environment. */
export function secretChecks(app: LoadedApp, remote: readonly string[], environment: string): Check[] {
  const inRequirements = app.requirements.flatMap((one) => [...one.matchAll(SECRET)].map(([, name]) => name!));
  const wanted = [...new Set([...(app.secrets ?? []), ...inRequirements])];
  const missing = wanted.filter((name) => !remote.includes(name));
  if (missing.length === 0) {
    return [ok('secrets', wanted.length === 0 ? 'none are asked for' : `${wanted.join(', ')}: set at the remote`)];
  }
  const env = environment === 'main' ? '' : ` --env ${environment}`;
  return missing.map((name) => ({
    check: 'secrets',
    state: 'error',
    message: `The secret ${name} is not set in the environment ${environment} of the remote.`,
    hint: `Set it: fal secrets set ${name}=…${env}`,
  }));
}

export const ok = (check: string, message: string): Check => ({ check, state: 'ok', message });

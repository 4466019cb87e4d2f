import { WindtunnelError } from '../contract/index.ts';
import type { PythonInfo } from './probe-python.ts';
import type { PythonCandidate } from './python-candidates.ts';

/** Oldest minor that the SDK supports. Source: `Requires-Python` of fal 1.83. */
export const OLDEST_PYTHON = '3.10';

/** A candidate with what a look at it gave: what it is, or why it can't be used. */
export interface ProbedPython extends PythonCandidate {
  result: PythonInfo | string;
}

/**
 * The first candidate that fits, probing one after the other. `hasUv`: uv makes virtual environments for a Python that
 * can't itself. Rejects with E_PYTHON_MISSING, E_PYTHON_VERSION, E_PYTHON_NO_VENV.
 */
export async function choosePython(
  candidates: readonly PythonCandidate[],
  wanted: string | null,
  hasUv: boolean,
  probe: (path: string) => Promise<PythonInfo | string>,
): Promise<PythonInfo> {
  const tried: ProbedPython[] = [];
  let withoutVenv: PythonInfo | null = null;
  for (const candidate of candidates) {
    const result = await probe(candidate.path);
    tried.push({ ...candidate, result });
    if (typeof result === 'string' || !fits(result, wanted)) continue;
    if (result.canMakeVenv || hasUv) return result;
    withoutVenv ??= result;
  }
  if (withoutVenv) throw noVenv(withoutVenv);
  const working = tried.filter(isWorking);
  throw working.length === 0 ? missing(tried, wanted) : wrongVersion(working, wanted);
}

function fits(info: PythonInfo, wanted: string | null): boolean {
  return wanted === null ? compareMinors(info.minor, OLDEST_PYTHON) >= 0 : info.minor === wanted;
}

function compareMinors(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

type WorkingPython = ProbedPython & { result: PythonInfo };
const isWorking = (python: ProbedPython): python is WorkingPython => typeof python.result !== 'string';

function wrongVersion(found: WorkingPython[], wanted: string | null): WindtunnelError {
  const unique = [...new Map(found.map((python) => [python.result.executable, python])).values()];
  const list = unique.map(({ path, result, source }) => `${result.version} at ${path} (${source})`).join(', ');
  const need = wanted === null ? `Python ${OLDEST_PYTHON} or newer` : `Python ${wanted}`;
  const get = wanted ?? '3.12';
  const bySetting = found[0]?.source === 'setting';
  return new WindtunnelError('E_PYTHON_VERSION', `The app needs ${need}; found ${list}.`, {
    hint: bySetting
      ? `Set "python" in windtunnel.jsonc to a Python ${get}, or leave it out to have one looked for.`
      : `Install it (uv python install ${get}), or name it as "python" in windtunnel.jsonc.`,
    actions: [`uv python install ${get}`],
  });
}

function missing(tried: ProbedPython[], wanted: string | null): WindtunnelError {
  const get = wanted ?? '3.12';
  const reasons = tried.map(({ path, result }) => `${path}: ${typeof result === 'string' ? result : 'usable'}`);
  const named = tried[0]?.source === 'setting' ? tried[0] : null;
  const message = named
    ? `The Python of the setting cannot be used: ${named.path} ${String(named.result)}.`
    : `No Python interpreter was found${wanted === null ? '' : ` (the app needs ${wanted})`}.`;
  return new WindtunnelError('E_PYTHON_MISSING', message, {
    hint: `Install one (uv python install ${get}), or name it as "python" in windtunnel.jsonc.`,
    actions: [`uv python install ${get}`],
    ...(reasons.length > 0 ? { detail: reasons.join('\n') } : {}),
  });
}

function noVenv(info: PythonInfo): WindtunnelError {
  return new WindtunnelError(
    'E_PYTHON_NO_VENV',
    `Python ${info.version} at ${info.path} cannot make virtual environments: its venv module is not installed.`,
    {
      hint: 'Install the module (on Debian and Ubuntu: apt install python3-venv), or install uv.',
      actions: [`apt install python${info.minor}-venv`],
    },
  );
}

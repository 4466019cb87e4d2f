import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inPath } from '../../environments/python-candidates.ts';
import type { CommandResult, RunCommand } from '../../environments/run-command.ts';
import type { LoadedApp } from './fal-project.ts';
import { type Check, ok } from './local-checks.ts';
import type { UserFal } from './user-fal.ts';

/** What a resolver says of requirements that go together nowhere; all else that fails is the way to the index. */
const UNSOLVABLE =
  /No solution found|not found in the package registry|ResolutionImpossible|No matching distribution|Failed to parse|Invalid requirement|because .* (?:depends|requires)/i;

export interface RequirementCheckOptions {
  run: RunCommand;
  cwd: string;
  signal: AbortSignal;
}

/** Whether the requirements can be resolved together for the runner's Python, by uv where it is, else by pip; installs nothing. */
export async function requirementCheck(
  app: LoadedApp,
  python: string,
  fal: UserFal,
  options: RequirementCheckOptions,
): Promise<Check> {
  const all = app.requirements;
  // A path is built by the SDK; what names a secret is resolved where the secret is.
  const known = all.filter((one) => !one.includes('${') && !/^(\.|\/|-|file:)/.test(one.trim()));
  const left = all.length - known.length;
  if (known.length === 0) return ok('requirements', all.length === 0 ? 'none' : 'only local ones, or with secrets');
  const minor = (app.pythonVersion ?? python).split('.').slice(0, 2).join('.');
  const uv = inPath(join(dirname(fal.python), 'uv'), fal.env) ?? inPath('uv', fal.env);
  const result = await resolve(known, minor, uv, fal, options);
  if (result.code === 0) {
    const others = left === 0 ? '' : `; ${left} local or with secrets are left to the build`;
    return ok('requirements', `${known.length} resolve for Python ${minor}${others}`);
  }
  const detail = (result.stderr || result.stdout).trim();
  if (UNSOLVABLE.test(detail)) {
    return {
      check: 'requirements',
      state: 'error',
      message: `The requirements cannot be installed together for Python ${minor}.`,
      detail,
      hint: 'Change requirements until they resolve.',
    };
  }
  return {
    check: 'requirements',
    state: 'skipped',
    message: 'The requirements could not be looked up from here.',
    detail,
  };
}

async function resolve(
  requirements: readonly string[],
  minor: string,
  uv: string | null,
  fal: UserFal,
  { run, cwd, signal }: RequirementCheckOptions,
): Promise<CommandResult> {
  const options = { cwd, signal, env: fal.env };
  if (uv === null) {
    const pip = [fal.python, '-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--quiet', '--'];
    return run([...pip, ...requirements], options);
  }
  const work = mkdtempSync(join(tmpdir(), 'windtunnel-requirements-'));
  try {
    const file = join(work, 'requirements.txt');
    writeFileSync(file, `${requirements.join('\n')}\n`);
    // fal's machines are Linux, whatever this one is.
    const target = ['--python-version', minor, '--python-platform', 'linux'];
    return await run([uv, 'pip', 'compile', '--quiet', '--no-header', '--no-annotate', ...target, file], options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

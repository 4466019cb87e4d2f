import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImageBuildError, type ImageRecipe } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { copySources } from './copy-sources.ts';
import { createImageEnvironments } from './image-environments.ts';
import { imageInstallerEnv } from './image-installer.ts';
import { imageRecipe, type RecipeInputs } from './image-recipe.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'wti-'));
});
afterEach(() => rm(dir, { recursive: true }));

const recipe = (
  container: Record<string, unknown> | null,
  layers: string[][] = [['fal==1.83.0']],
  rest: Partial<RecipeInputs> = {},
) =>
  imageRecipe({
    request: { pythonVersion: null, requirements: [], contextDir: dir, appDir: dir, image: { container } },
    layers,
    python: '3.11',
    base: null,
    folders: [dir],
    env: {},
    installerEnv: {},
    caBundle: '',
    ...rest,
  });

const names = ({ context }: ImageRecipe) => context.map(({ to }) => to).filter((to) => !to.startsWith('.windtunnel'));

describe('an image made from requirements', () => {
  it('starts from the Python of that version, a step for each layer', () => {
    const made = recipe(null, [['torch==2.9'], ['fal==1.83.0', 'fastapi']]);
    expect(made.dockerfile).toMatch(/^FROM python:3\.11-slim\n/);
    const steps = made.dockerfile.split('\n').filter((line) => line.includes('"layer"'));
    expect(steps).toHaveLength(2);
    expect(made.secrets['windtunnel-layer-2']).toBe('fal==1.83.0\nfastapi\n');
    expect(recipe(null, [], { base: 'my/base:1' }).dockerfile).toMatch(/^FROM my\/base:1\n/);
  });

  it('keeps tokens, roots and settings out of the image and of its key', () => {
    const layers = [[`pkg @ https://\${TOKEN}@host/pkg.whl`]];
    const one = recipe(null, layers, { env: { TOKEN: 'hunter2' }, caBundle: 'PEM' });
    const other = recipe(null, layers, { env: { TOKEN: 'other' } });
    expect(one.dockerfile).not.toContain('hunter2');
    expect(one.secrets['windtunnel-layer-1']).toContain('hunter2@host');
    expect(one.key).toBe(other.key);
    expect(one.key).not.toBe(recipe(null, [['other']]).key);
  });

  it('takes local requirements along, and their content counts', async () => {
    await writeFile(path.join(dir, 'base.txt'), 'six\n');
    const before = recipe(null, [['-r base.txt']]);
    expect(before.secrets['windtunnel-layer-1']).toBe(`-r\n/opt/windtunnel/requirements${dir}/base.txt\n`);
    expect(before.context.map(({ to }) => to)).toContain(`.windtunnel-build/files${dir}/base.txt`);
    await writeFile(path.join(dir, 'base.txt'), 'seven\n');
    expect(recipe(null, [['-r base.txt']]).key).not.toBe(before.key);
  });

  it('is the same whatever the code of the app is', async () => {
    const before = recipe(null);
    await writeFile(path.join(dir, 'app.py'), 'changed');
    expect(recipe(null).key).toBe(before.key);
  });
});

describe("an author's own image", () => {
  it('is built as written, our steps after it, and ends with its own user', () => {
    const made = recipe({
      dockerfile_str: 'FROM python:3.12 AS a\nUSER first\nFROM a\nUSER app\nRUN true',
      build_args: { A: 1 },
    });
    const lines = made.dockerfile.trim().split('\n');
    expect(lines.slice(0, 6)).toEqual([
      'FROM python:3.12 AS a',
      'USER first',
      'FROM a',
      'USER app',
      'RUN true',
      'USER root',
    ]);
    expect(lines.at(-1)).toBe('USER app');
    expect(made).toMatchObject({ authored: true, buildArgs: { A: '1' }, entrypoint: [] });
  });

  it('gets what its COPY names, without what is ignored', async () => {
    await mkdir(path.join(dir, 'src/__pycache__'), { recursive: true });
    for (const name of ['src/a.py', 'src/__pycache__/a.pyc', 'weights.bin', '.env', 'other.txt', 'b1.txt']) {
      await writeFile(path.join(dir, name), name);
    }
    const dockerfile = 'FROM python:3.12\nCOPY src /app/src\nADD ["weights.bin", "b*.txt", "/w/"]\nCOPY --from=x /y /z';
    expect(names(recipe({ dockerfile_str: dockerfile })).sort()).toEqual(
      ['src/a.py', 'weights.bin', 'b1.txt', 'other.txt'].sort(),
    );
    expect(names(recipe({ dockerfile_str: dockerfile, dockerignore: ['weights.bin'] }))).toContain(
      'src/__pycache__/a.pyc',
    );
  });

  it('passes on secrets, logins and an entrypoint', () => {
    const made = recipe({
      dockerfile_str: 'FROM x\n',
      secrets: { hf: 'token' },
      registries: { 'ghcr.io': { username: 'u', password: 'p' } },
      entrypoint: '/entry.sh "a b"',
    });
    expect(made.secrets.hf).toBe('token');
    expect(made.registries).toEqual({ 'ghcr.io': { username: 'u', password: 'p' } });
    expect(made.entrypoint).toEqual(['/entry.sh', 'a b']);
    expect(made.dockerfile).not.toContain('token');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['fields that are none', { dockerfile_str: 7 }, 'E_IMAGE_BUILD'],
    ['a Dockerfile that is not there', { dockerfile_path: 'No' }, 'E_FILE_UNREADABLE'],
    ['a context that is not there', { dockerfile_str: 'FROM x', context_dir: 'No' }, 'E_FILE_UNREADABLE'],
    ['an image that runs no app', { dockerfile_str: 'FROM x', use_isolate: false }, 'E_NOT_EMULATED'],
  ])('refuses %s', (_name, container, code) => {
    expect(() => recipe(container)).toThrow(expect.objectContaining({ code }));
  });
});

it('COPY is read across lines, flags and comments', () => {
  const dockerfile = 'FROM x\nCOPY --chown=1:1 a \\\n  # why\n  b /c/\nADD https://h/f /f\ncopy d e\n';
  expect(copySources(dockerfile)).toEqual(['a', 'b', 'd']);
});

it("pip's settings go along, but for files of this machine", () => {
  const pip = new Map([
    ['index-url', 'https://index.example/simple'],
    ['extra-index-url', 'file:///opt/more https://more.example/simple'],
    ['cert', '/etc/ca.pem'],
  ]);
  const { env, leftOut } = imageInstallerEnv(pip, {});
  expect(env).toMatchObject({
    PIP_INDEX_URL: 'https://index.example/simple',
    PIP_EXTRA_INDEX_URL: 'https://more.example/simple',
    UV_DEFAULT_INDEX: 'https://index.example/simple',
  });
  expect(env.SSL_CERT_FILE).toBeUndefined();
  expect(leftOut).toEqual(['extra-index-url file:///opt/more']);
});

describe('a build that fails', () => {
  const failure = async (error: Error) => {
    const made = recipe(null);
    const environments = createImageEnvironments({
      clock: systemClock,
      recipe: async () => made,
      builder: async () => ({ ensure: () => Promise.reject(error) }),
      venvs: { ensure: () => Promise.reject(new Error('not a virtual environment')) },
    });
    const request = { pythonVersion: null, requirements: [], contextDir: dir, appDir: dir, image: { container: null } };
    return environments
      .ensure(request, () => undefined, new AbortController().signal)
      .catch((thrown: unknown) => thrown);
  };

  it('in a layer of requirements is the error of a virtual environment', async () => {
    const output = 'ERROR: No matching distribution found for nope==1';
    expect(
      await failure(new ImageBuildError('Installing nope==1, fal', output, 'it ended with exit code 1')),
    ).toMatchObject({
      code: 'E_REQUIREMENTS',
      message: expect.stringContaining('nope==1'),
      detail: output,
    });
  });

  it('in a step of the author names it, with what it printed', async () => {
    expect(await failure(new ImageBuildError('[2/3] RUN false', 'why', 'it ended with exit code 1'))).toMatchObject({
      code: 'E_IMAGE_BUILD',
      message: 'The image cannot be built, at [2/3] RUN false: it ended with exit code 1',
      detail: 'why',
    });
  });

  it('for want of Python says what to start from', async () => {
    const error = await failure(
      new ImageBuildError('Making the Python environment', 'windtunnel: the image has no Python', 'x'),
    );
    expect(error).toMatchObject({ code: 'E_IMAGE_BUILD', hint: expect.stringContaining('python:3.12-slim') });
  });
});

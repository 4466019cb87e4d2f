import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunnerPayload, SourceBundle, WindtunnelError } from '../../contract/index.ts';
import { request, sourcePayload, TestBed } from './testing.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await TestBed.make();
});
afterAll(() => bed.dispose());

const APP_HEAD = 'import fal, os\nfrom pydantic import BaseModel\nclass In(BaseModel):\n    x: int = 1\n';

async function project(name: string, files: Record<string, string>) {
  const root = path.join(bed.folder, name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  return root;
}

function bundled(root: string, bundle: Partial<SourceBundle>, file = 'app.py'): RunnerPayload {
  const main = path.join(root, file);
  const base = { root, main, modules: [], files: [], guarded: [root] };
  return { kind: 'source', file: main, symbol: 'App', bundle: { ...base, ...bundle } };
}

const failure = (promise: Promise<unknown>): Promise<WindtunnelError> =>
  promise.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: WindtunnelError) => error,
  );

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

describe('what fal deploy would ship', () => {
  const app = (body: string, head = '') =>
    `${head}\n${APP_HEAD}class App(fal.App):\n    @fal.endpoint("/")\n    def run(self, input: In) -> dict:\n${body}\n`;

  it('ships a folder of thousands of files: what is no Python does not weigh on the start', async () => {
    const data = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`data/${'x'.repeat(240)}${i}`, '']));
    const root = await project('many', { 'app.py': app('        return {"n": len(os.listdir("data"))}'), ...data });
    const files = Object.keys(data).map((to) => ({ from: path.join(root, to), to }));
    const runner = await bed.start(bed.spec(bundled(root, { files })));
    await runner.handle.ready;
    expect((await runner.call('/')).text).toBe('{"n":4000}');
    await runner.handle.stop(0);
  });

  it('leaves the harness alone, where that lies in the workspace as in a clone of this project', async () => {
    const root = await project('clone', { 'app.py': app('        return {"x": input.x}') });
    const clone = path.join(import.meta.dirname, '../..');
    const runner = await bed.start(bed.spec(bundled(root, { guarded: [root, clone] })));
    await runner.handle.ready;
    expect((await runner.call('/')).text).toBe('{"x":1}');
    await runner.handle.stop(0);
  });

  it('refuses a module that the app refers to and the deploy would leave behind, at its import', async () => {
    const root = await project('left', {
      'app.py': app('        return {"x": double(input.x)}', 'from helper import double'),
      'helper.py': 'def double(x):\n    return 2 * x\n',
    });
    const runner = await bed.start(bed.spec(bundled(root, {})));
    const error = await failure(runner.handle.ready);
    expect(error.code).toBe('E_APP_IMPORT');
    expect(error.message).toBe(
      `app.py:1: UnshippedImport: No module named 'helper' on the runner: \`fal deploy\` would not ship ${root}/helper.py. Name it in local_python_modules = ["helper"], or put its file in app_files.`,
    );
    expect(error.detail).toContain('from helper import double');
    expect(error.detail).not.toContain('emulator/runner');
    await runner.handle.exited;
  });

  it.each([
    ['local_python_modules', 'from helper import double', { modules: ['helper'] }],
    ['a module used as a whole', 'import helper\ndouble = lambda x: helper.double(x)', { modules: ['helper'] }],
    ['a constant alone', 'from helper import SIZE\ndouble = lambda x: SIZE * x', {}],
  ])('takes %s', async (_name, head, bundle) => {
    const root = await project('taken', {
      'app.py': app('        return {"x": double(input.x)}', head),
      'helper.py': 'SIZE = 2\ndef double(x):\n    return SIZE * x\n',
    });
    const runner = await bed.start(bed.spec(bundled(root, bundle)));
    await runner.handle.ready;
    expect((await runner.call('/', { x: 4 })).text).toBe('{"x":8}');
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
  });

  it('refuses an import inside a function, which finds no module on the runner, but takes app_files', async () => {
    const root = await project('late', {
      'app.py': app(
        '        text = open("weights/a.txt").read()\n        import shipped\n        try:\n            import helper\n        except ModuleNotFoundError as error:\n            return {"cwd": os.getcwd(), "files": sorted(os.listdir(".")), "text": text, "from": shipped.WHO, "error": str(error)}',
      ),
      'helper.py': '',
      'shipped.py': 'WHO = "app_files"',
      'weights/a.txt': 'heavy',
    });
    const files = ['shipped.py', 'weights/a.txt'].map((to) => ({ from: path.join(root, to), to }));
    const runner = await bed.start(bed.spec(bundled(root, { modules: ['helper'], files })));
    await runner.handle.ready;
    const answer = JSON.parse((await runner.call('/')).text);
    expect(answer).toMatchObject({ cwd: '/app', files: ['shipped.py', 'weights'], text: 'heavy', from: 'app_files' });
    expect(answer.error).toContain('an import inside a function does not find it');
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
  });

  it('serves an app inside a package by absolute imports', async () => {
    const root = await project('packaged', {
      'pkg/__init__.py': '',
      'pkg/app.py': app('        return {"x": double(input.x)}', 'from pkg.sub.helper import double'),
      'pkg/sub/__init__.py': '',
      'pkg/sub/helper.py': 'def double(x):\n    return 2 * x\n',
    });
    const runner = await bed.start(bed.spec(bundled(root, { modules: ['pkg'] }, 'pkg/app.py')));
    await runner.handle.ready;
    expect((await runner.call('/', { x: 3 })).text).toBe('{"x":6}');
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
  });
});

describe('/data', () => {
  const keeper = `${APP_HEAD}class App(fal.App):\n    @fal.endpoint("/")\n    def run(self, input: In) -> dict:\n        seen = os.path.exists("/data/mark")\n        open("/data/mark", "w").write("1")\n        return {"seen": seen, "hf": os.environ["HF_HOME"]}\n`;

  it('is one folder for all runners, and only for them', async () => {
    const root = await project('keeper', { 'app.py': keeper });
    const before = await readdir('/');
    for (const seen of [false, true]) {
      const runner = await bed.start(bed.spec(bundled(root, {})));
      await runner.handle.ready;
      const answer = JSON.parse((await runner.call('/')).text);
      expect(answer).toEqual({ seen, hf: '/data/.cache/huggingface' });
      expect((await runner.handle.stop(5)).cause).toBe('stopped');
    }
    expect(await readFile(path.join(bed.dataDir, 'mark'), 'utf8')).toBe('1');
    expect(await readdir('/')).toEqual(before);
  });

  it('where it cannot be mounted is an error with the mending command, if the app names it', async () => {
    const other = await TestBed.make({ platform: 'darwin' });
    const root = await project('mac', { 'app.py': keeper });
    const error = await failure(other.start(other.spec(bundled(root, {}))));
    expect(error).toMatchObject({ code: 'E_DATA_MOUNT', kind: 'user' });
    expect(error.actions[0]).toContain('/etc/synthetic.conf');
    const plain = await project('plain', { 'app.py': keeper.replaceAll('/data', other.folder) });
    const runner = await other.start(other.spec(bundled(plain, {})));
    await runner.handle.ready;
    expect(JSON.parse((await runner.call('/')).text).hf).toBe(`${other.dataDir}/.cache/huggingface`);
    await other.dispose();
    expect(await readdir(path.dirname(other.folder))).not.toContain(path.basename(other.folder));
  });
});

describe('other payloads', () => {
  it('serves a fal.function with serve=True', async () => {
    const text = 'import fal\n@fal.function(serve=True)\ndef App(x: int) -> dict:\n    return {"x": x}\n';
    const root = await project('function', { 'app.py': text });
    const runner = await bed.start(bed.spec(bundled(root, {})));
    await runner.handle.ready;
    expect((await runner.call('/?x=7')).text).toBe('{"x":7}');
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
  });

  it('serves an entrypoint', async () => {
    const body = `${APP_HEAD}class App(fal.App):\n    @fal.endpoint("/")\n    def run(self, input: In) -> dict:\n        return {"x": input.x}\n`;
    const root = await project('entry', { 'entry_app.py': body });
    const spec = bed.spec({ kind: 'entrypoint', entrypoint: 'entry_app:App' });
    const runner = await bed.start({ ...spec, env: { ...spec.env, PYTHONPATH: root } });
    await runner.handle.ready;
    expect((await runner.call('/', { x: 7 })).text).toBe('{"x":7}');
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
  });

  it('runs a server that binds its own port, one at a time', async () => {
    const port = await freePort();
    const payload: RunnerPayload = { kind: 'command', argv: ['python', '-m', 'http.server', String(port)], port };
    const runner = await bed.start(bed.spec(payload));
    await runner.handle.ready;
    expect((await request(() => runner.handle.connect(), '/', null, {}, 'GET')).status).toBe(200);
    expect(await failure(bed.start(bed.spec(payload)))).toMatchObject({ code: 'E_PORT_EXCLUSIVE', kind: 'fidelity' });
    expect((await runner.handle.stop(5)).cause).toBe('stopped');
    const next = await bed.start(bed.spec(payload));
    await next.handle.ready;
    await next.handle.stop(5);
  });

  it('refuses a container image', async () => {
    const spec = bed.spec(sourcePayload('/nowhere.py', 'App'), {
      environment: { kind: 'image', image: 'i', key: 'k', python: '/usr/bin/python3', entrypoint: [], authored: true },
    });
    expect((await failure(bed.start(spec))).code).toBe('E_ENGINE_UNAVAILABLE');
  });
});

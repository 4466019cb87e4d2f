import { describe, expect, it } from 'vitest';
import { BreakpointStates, diagnose, loadedFilesExpression } from './breakpoint-doctor.ts';

const at = (file: string, message = 'Breakpoint in file that does not exist.') => ({ file, line: 3, message });
const set = (seq: number, file: string) => ({
  seq,
  type: 'request',
  command: 'setBreakpoints',
  arguments: { source: { path: file }, breakpoints: [{ line: 3 }] },
});
const answer = (asked: number, breakpoints: object[]) => ({
  seq: 0,
  type: 'response',
  request_seq: asked,
  success: true,
  body: { breakpoints },
});

describe('a breakpoint that is not bound', () => {
  it('is known from the answers, until the debugger takes it or the user does', () => {
    const states = new BreakpointStates();
    states.toAdapter(set(1, '/ws/a.py'));
    states.toAdapter(set(2, '/ws/b.py'));
    states.toEditor(answer(1, [{ id: 1, verified: false, line: 3, message: 'no file' }]));
    states.toEditor(answer(2, [{ id: 2, verified: true, line: 3 }]));
    expect(states.unbound()).toEqual([{ file: '/ws/a.py', line: 3, message: 'no file' }]);
    states.toEditor({ seq: 0, type: 'event', event: 'breakpoint', body: { breakpoint: { id: 1, verified: true } } });
    expect(states.unbound()).toEqual([]);
    states.toAdapter(set(3, '/ws/b.py'));
    states.toEditor(answer(3, [{ id: 3, verified: false, line: 9 }]));
    expect(states.unbound()).toEqual([{ file: '/ws/b.py', line: 9, message: '' }]);
    states.toAdapter(set(4, '/ws/b.py'));
    states.toEditor(answer(4, []));
    expect(states.unbound()).toEqual([]);
  });

  it.each([
    ['an image that brings its own copy', '/ws/parts/lid.py', '/box/lid.py', '/ws/parts', '/box'],
    ['the same folder below another one', '/ws/src/lid/deep.py', '/srv/src/lid/deep.py', '/ws', '/srv'],
    ['a mapping that leads nowhere', '/ws/app.py', '/ws/app.py', '/ws', '/ws'],
    ['a file under another folder of its own', '/ws/a/lid.py', '/app/b/lid.py', '/ws/a', '/app/b'],
  ])('by %s gets the mapping that mends it', (_why, file, loaded, localRoot, remoteRoot) => {
    expect(diagnose([at(file)], ['/usr/lib/python3.11/site-packages/x/lid.py', loaded])).toEqual([
      { ...at(file), cause: 'elsewhere', loaded, mapping: { localRoot, remoteRoot } },
    ]);
  });

  it('goes by the file that has most of its path', () => {
    const [finding] = diagnose([at('/ws/one/__init__.py')], ['/box/two/__init__.py', '/box/one/__init__.py']);
    expect(finding).toMatchObject({ loaded: '/box/one/__init__.py' });
  });

  it('in a file that nothing imports, or in a package under justMyCode, has no mapping', () => {
    const installed = '/venv/lib/python3.11/site-packages/fal/app.py';
    expect(diagnose([at('/ws/app.py')], [installed])).toMatchObject([{ cause: 'not-loaded' }]);
    const message = 'Breakpoint in file excluded by filters.\nNote: may be excluded because of "justMyCode" option';
    expect(diagnose([at(installed, message)], [installed])).toMatchObject([{ cause: 'library' }]);
  });

  it('is looked for by its name alone', () => {
    expect(loadedFilesExpression([at('/ws/a.py'), at('/ws/x/a.py')])).toContain('in ["a.py"]');
  });
});

import { describe, expect, it } from 'vitest';
import { type RunnerSpec, type ShippedFile, withoutCommonEnd } from '../../contract/index.ts';
import { sourcePlaces } from './source-places.ts';

const specOf = (files: ShippedFile[]) =>
  ({
    payload: {
      kind: 'source',
      file: '/ws/app/main.py',
      symbol: 'Main',
      bundle: { root: '/ws/app', main: '/ws/app/main.py', modules: [], files, guarded: ['/ws/app'] },
    },
  }) as unknown as RunnerSpec;
const container = { work: '/app', place: (file: string) => file, sharesFiles: false };

describe('where the sources of an app stand in its runner', () => {
  it('is their own path in a container; of a process all paths are the same', () => {
    const spec = specOf([{ from: '/ws/app/words.py', to: 'words.py' }]);
    expect(sourcePlaces(spec, container)).toEqual([{ localRoot: '/ws/app', remoteRoot: '/ws/app' }]);
    expect(sourcePlaces(spec, { ...container, sharesFiles: true }).at(-1)).toEqual({ localRoot: '/', remoteRoot: '/' });
  });

  it('is the working folder for app_files from elsewhere, after the folders of the app', () => {
    const spec = specOf([
      { from: '/ws/shared/words.py', to: 'shared/words.py' },
      { from: '/ws/shared/more/words.py', to: 'shared/more/words.py' },
      { from: '/ws/shared/weights.bin', to: 'shared/weights.bin' },
    ]);
    expect(sourcePlaces(spec, container)).toEqual([
      { localRoot: '/ws/app', remoteRoot: '/ws/app' },
      { localRoot: '/ws', remoteRoot: '/app' },
    ]);
  });

  it('is a folder of ours where the own path would be hidden', () => {
    const place = (file: string) => `/opt/windtunnel/source${file}`;
    expect(sourcePlaces(specOf([]), { ...container, place })).toEqual([
      { localRoot: '/ws/app', remoteRoot: '/opt/windtunnel/source/ws/app' },
    ]);
  });

  it.each([
    ['/ws/a/x.py', '/app/a/x.py', '/ws', '/app'],
    ['/ws/x.py', '/app/y.py', '/ws/x.py', '/app/y.py'],
    ['/x.py', '/x.py', '/x.py', '/x.py'],
    ['/ws/parts/x.py', '/box/x.py', '/ws/parts', '/box'],
  ])('of %s and %s is %s and %s', (local, remote, localRoot, remoteRoot) => {
    expect(withoutCommonEnd(local, remote)).toEqual({ localRoot, remoteRoot });
  });
});

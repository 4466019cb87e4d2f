import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TEMPLATES } from '../../contract/index.ts';
import { newApp } from '../commands/new-command.ts';
import { testTerminal } from '../test-support/terminal.ts';
import { appNames } from './templates.ts';

describe('appNames', () => {
  it.each([
    ['my-app', 'my-app', 'MyApp', 'my_app'],
    ['My Photo App', 'my-photo-app', 'MyPhotoApp', 'my_photo_app'],
    ['TextToImage', 'text-to-image', 'TextToImage', 'text_to_image'],
    ['3d', 'app-3d', 'App3d', 'app_3d'],
    ['Überblick', 'uberblick', 'Uberblick', 'uberblick'],
  ])('%s', (text, name, cls, fn) => {
    expect(appNames(text)).toMatchObject({ name, class: cls, function: fn });
  });

  it('has none for what holds no letter', () => {
    expect(appNames('---')).toBeNull();
  });
});

describe('windtunnel new', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wt-new-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.keys(TEMPLATES))('%s leaves no blank to fill', async (template) => {
    const { terminal } = testTerminal(folder);
    expect(await newApp(terminal, [template, 'my app'], {})).toBe(0);
    const made = readdirSync(path.join(folder, 'my app'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const names = made.map((entry) =>
      path.relative(path.join(folder, 'my app'), path.join(entry.parentPath, entry.name)),
    );
    expect(names).toEqual(
      expect.arrayContaining([
        'app.py',
        'test_app.py',
        'input.json',
        '.env.example',
        '.gitignore',
        '.vscode/launch.json',
        'README.md',
      ]),
    );
    for (const entry of made) {
      const text = readFileSync(path.join(entry.parentPath, entry.name), 'utf8');
      expect(text.replaceAll('__name__', '').match(/__[A-Z]+__/)).toBeNull();
    }
  });

  it('writes nothing where a file of its own is there already', async () => {
    writeFileSync(path.join(folder, 'app.py'), 'mine');
    const { terminal } = testTerminal(folder);
    await expect(newApp(terminal, ['.'], {})).rejects.toThrow('app.py is in');
    expect(readdirSync(folder)).toEqual(['app.py']);
  });

  it('names the templates when it knows none of that name', async () => {
    const { terminal } = testTerminal(folder);
    await expect(newApp(terminal, ['vidoe', 'x'], {})).rejects.toMatchObject({
      hint: expect.stringContaining('streaming'),
    });
  });
});

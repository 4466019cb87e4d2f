import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testPython } from '../support/python.ts';
import { snippet } from '../support/snippets.ts';

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '    ');
const python = (prefix: string, values: readonly string[] = []): string => snippet('python', prefix, values);

/** A module of all snippets, each where it is meant to stand, under the real SDK. */
const MODULE = [
  'import json',
  'from fastapi.responses import StreamingResponse',
  'from fal.container import ContainerImage',
  'from fal.toolkit import Image',
  python('fal-app'),
  python('fal-models', ['Picture']),
  python('fal-container').replace('image =', 'IMAGE ='),
  'class All(fal.App):',
  ...[
    python('fal-secrets'),
    python('fal-retries'),
    python('fal-endpoint', ['extra', 'MyInput', 'MyOutput']).replace('MyOutput()', 'MyOutput(text="")'),
    python('fal-stream', ['MyInput']),
    python('fal-realtime', ['paint', 'MyInput', 'MyOutput']).replace('MyOutput()', 'MyOutput(text="")'),
    python('fal-health'),
  ].map(indented),
].join('\n\n');

test('what the snippets insert is an app that the SDK takes', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wt-snip-'));
  try {
    writeFileSync(path.join(folder, 'all_snippets.py'), MODULE);
    const look =
      'import all_snippets as m; a = m.All(_allow_init=True); print(*sorted(a.openapi()["paths"])); print(m.MyApp.app_name)';
    const { stdout } = await promisify(execFile)(await testPython(), ['-c', look], { cwd: folder });
    expect(stdout.trim().split('\n').at(-2)).toContain('/extra /health /realtime /stream');
    expect(stdout.trim().split('\n').at(-1)).toBe('my-app');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the clients of the snippets are what the official packages take', async () => {
  const code = python('fal-client');
  const check = 'import ast, sys; ast.parse(sys.argv[1]); import fal_client; assert callable(fal_client.subscribe)';
  await promisify(execFile)(await testPython(), ['-c', check, code]);
  expect(snippet('client', 'fal-client')).toContain("fal.subscribe('local/my-app'");
});

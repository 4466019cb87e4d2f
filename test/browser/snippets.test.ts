import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

interface Manifest {
  files: string[];
  contributes: { snippets: { language: string; path: string }[] };
}

test('each file of snippets is data of the form that VS Code reads, and the extension brings it', () => {
  const manifest: Manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  expect(manifest.files).toContain('snippets');
  for (const name of readdirSync(path.join(root, 'snippets')).filter((file) => file.endsWith('.code-snippets'))) {
    const snippets: object = JSON.parse(readFileSync(path.join(root, 'snippets', name), 'utf8'));
    for (const snippet of Object.values(snippets)) {
      expect(snippet).toMatchObject({
        prefix: expect.any(String),
        description: expect.any(String),
        body: expect.arrayContaining([expect.any(String)]),
      });
    }
    const brought = manifest.contributes.snippets.filter((one) => one.path === `./snippets/${name}`);
    expect(brought.length, name).toBeGreaterThan(0);
  }
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { generatedDocs } from './generated-docs.ts';

it.each(Object.entries(await generatedDocs()))(
  '%s says what the source says (npm run docs writes it)',
  (file, text) => {
    expect(readFileSync(file, 'utf8')).toBe(text);
  },
);

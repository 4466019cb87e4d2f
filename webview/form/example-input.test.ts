import { expect, it } from 'vitest';
import { exampleInput } from './example-input.ts';

it('fills in the first example of what an input needs, and nothing else', () => {
  const form = {
    required: ['prompt', 'size', 'name'],
    properties: {
      prompt: { type: 'string', examples: ['a quiet lake', 'a loud one'] },
      size: { type: 'integer', default: 512, examples: [64] },
      name: { type: 'string' },
      seed: { type: 'integer', examples: [7] },
    },
  };
  expect(exampleInput(form)).toEqual({ prompt: 'a quiet lake' });
  expect(exampleInput({})).toEqual({});
});

import { expect, it } from 'vitest';
import { exampleInput } from './example-input.ts';

const document = (schema: object, schemas: object = {}) => ({
  paths: { '/': { post: { requestBody: { content: { 'application/json': { schema } } } } } },
  components: { schemas },
});

it('what is required, by the schema, and nothing else', () => {
  const Input = {
    required: ['text', 'times', 'ratio', 'kind', 'photo', 'sizes', 'pair', 'on', 'options', 'code'],
    properties: {
      text: { type: 'string' },
      times: { type: 'integer', minimum: 3 },
      ratio: { type: 'number', exclusiveMinimum: 0, maximum: 0.5 },
      kind: { enum: ['a', 'b'] },
      photo: { $ref: '#/components/schemas/Image' },
      sizes: { type: 'array', items: { type: 'integer' } },
      pair: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }] },
      on: { type: 'boolean' },
      options: { anyOf: [{ type: 'null' }, { $ref: '#/components/schemas/Options' }] },
      code: { type: 'string', minLength: 6 },
      left: { type: 'string' },
    },
  };
  const schemas = {
    Input,
    Image: { title: 'Image', type: 'object' },
    Options: { type: 'object', required: ['depth'], properties: { depth: { type: 'integer' } } },
  };
  expect(exampleInput(document({ $ref: '#/components/schemas/Input' }, schemas), '/')).toEqual({
    text: 'text',
    times: 3,
    ratio: 0.5,
    kind: 'a',
    photo: expect.stringMatching(/^data:image\/png;base64,/),
    sizes: [1],
    pair: [1, 'pair'],
    on: true,
    options: { depth: 1 },
    code: 'codexx',
  });
});

it("examples win, the endpoint's own or a field's", () => {
  expect(exampleInput(document({ examples: [{ prompt: 'a cat' }], required: ['prompt'] }), '/')).toEqual({
    prompt: 'a cat',
  });
  const field = { required: ['prompt'], properties: { prompt: { type: 'string', examples: ['a dog'] } } };
  expect(exampleInput(document(field), '/')).toEqual({ prompt: 'a dog' });
});

it('a model that holds itself ends', () => {
  const Node = { type: 'object', required: ['next'], properties: { next: { $ref: '#/components/schemas/Node' } } };
  const input = exampleInput(document({ $ref: '#/components/schemas/Node' }, { Node }), '/');
  expect(JSON.stringify(input).length).toBeLessThan(100);
});

it.each([null, {}, { paths: { '/': { get: {} } } }, 'no document'])('%j gives an empty input', (from) => {
  expect(exampleInput(from, '/')).toEqual({});
});

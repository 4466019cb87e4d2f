import { describe, expect, it } from 'vitest';
import type { FoundEndpoint } from '../../../emulator/contract/index.ts';
import { endpointForms } from './endpoint-forms.ts';
import { bytesAsDataUri, mediaIn } from './media.ts';
import { decodeRealtime, encodeRealtime } from './realtime-message.ts';

const endpoint = (path: string, kind: FoundEndpoint['kind'] = 'http'): FoundEndpoint => ({
  path,
  method: 'run',
  kind,
  healthCheck: false,
  lines: { start: 1, end: 2 },
});
const body = (schema: unknown) => ({ requestBody: { content: { 'application/json': { schema } } } });
const document = (paths: Record<string, unknown>, schemas: Record<string, unknown> = {}) => ({
  openapi: '3.1.0',
  paths,
  components: { schemas },
});
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const formOf = (schema: unknown, schemas: Record<string, unknown> = {}) =>
  endpointForms(document({ '/': { post: body(schema) } }, schemas), [endpoint('/')])[0]!;

describe('endpointForms', () => {
  it('takes the endpoints in the order of the source, and of the document what takes a request', () => {
    const post = { post: { summary: 'Run', ...body(ref('In')) } };
    const forms = endpointForms(
      document(
        {
          '/health': { get: {} },
          '/': post,
          '/stream': post,
          '/live': { ...post, 'x-fal-protocol': { type: 'realtime' } },
        },
        { In: { type: 'object', properties: {} } },
      ),
      [endpoint('/stream'), endpoint('/')],
    );
    expect(forms.map(({ path, modes }) => [path, modes[0]])).toEqual([
      ['/stream', 'stream'],
      ['/', 'queue'],
      ['/live', 'realtime'],
    ]);
  });

  it('rejects what is no OpenAPI', () => {
    expect(() => endpointForms({ detail: 'Not Found' }, [])).toThrow(/paths/);
  });

  it('orders properties as fal says, and what it does not name after them', () => {
    const properties = { b: { type: 'string' }, c: { type: 'string' }, a: { type: 'string' } };
    const { form } = formOf({ type: 'object', properties, 'x-fal-order-properties': ['a', 'b'] });
    expect(Object.keys(form?.properties as object)).toEqual(['a', 'b', 'c']);
  });

  it('makes a plain field of an optional one, and keeps a real union', () => {
    const { form } = formOf({
      type: 'object',
      properties: {
        seed: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }], default: null, title: 'Seed' },
        size: { anyOf: [ref('Size'), { type: 'string' }, { type: 'null' }] },
        style: { anyOf: [ref('Size'), { type: 'null' }], title: 'Style' },
      },
    });
    expect(form?.properties).toEqual({
      seed: { type: 'integer', minimum: 0, title: 'Seed' },
      size: { anyOf: [{ $ref: '#/definitions/Size' }, { type: 'string' }] },
      style: { allOf: [{ $ref: '#/definitions/Size' }], title: 'Style' },
    });
  });

  it('carries all that a model refers to, also to itself', () => {
    const { form, hints } = formOf(ref('Node'), {
      Node: {
        type: 'object',
        properties: { image_url: { type: 'string' }, next: { anyOf: [ref('Node'), { type: 'null' }] } },
      },
    });
    expect(Object.keys(form?.definitions as object)).toEqual(['Node']);
    expect(hints[0]).toMatchObject({ at: ['image_url'], kind: 'image' });
    expect(hints.length).toBeLessThan(20);
  });

  it('finds files by fal’s own mark and limits, by name, in lists and in models', () => {
    const { hints } = formOf(
      {
        type: 'object',
        properties: {
          photo: { type: 'string', ui: { field: 'image' }, 'x-fal': { max_file_size: 5 * 2 ** 20, min_width: 64 } },
          video_url: { anyOf: [{ type: 'string' }, { type: 'null' }] },
          mask_image_urls: { type: 'array', items: { type: 'string' } },
          reference: ref('Ref'),
          prompt: { type: 'string' },
          secret: { type: 'string', ui: { hidden: true } },
          image_url_mode: { type: 'string' },
          audio_url: { type: 'string', enum: ['a'] },
          frame: { type: 'string', format: 'binary' },
        },
      },
      { Ref: { type: 'object', properties: { audio_url: { type: 'string' } } } },
    );
    expect(hints.map(({ at, kind }) => `${at.join('.')} ${kind}`)).toEqual([
      'photo image',
      'video_url video',
      'mask_image_urls.* image',
      'reference.audio_url audio',
      'prompt long-text',
      'secret hidden',
      'frame file',
    ]);
    expect(hints[0]).toMatchObject({ maxBytes: 5 * 2 ** 20, limits: ['at most 5 MiB', 'width at least 64 px'] });
  });
});

describe('mediaIn', () => {
  it('finds toolkit files, bare URLs and data URIs, each once, and no other link', () => {
    const image = { url: 'http://127.0.0.1:8799/files/a/x', content_type: 'image/png', file_name: 'x.png', width: 3 };
    const found = mediaIn({
      images: [image, image],
      video: 'https://v3.fal.media/files/b/clip.mp4?token=1',
      page: 'https://fal.ai/models',
      note: 'see https://fal.ai/a.png for more',
      frame: 'data:image/png;base64,AA==',
      weights: { url: 'http://127.0.0.1:8799/files/c/lora.safetensors' },
    });
    expect(found.map(({ kind, name }) => [kind, name])).toEqual([
      ['image', 'x.png'],
      ['video', 'clip.mp4'],
      ['image', 'result.png'],
      ['file', 'lora.safetensors'],
    ]);
  });
});

describe('realtime messages', () => {
  const form = formOf({
    type: 'object',
    properties: { image: { type: 'string', format: 'binary' }, image_url: { type: 'string' } },
  }).form;

  it('carry bytes for what the app declares as bytes, and text for what is text', () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2]);
    const uri = bytesAsDataUri(png);
    expect(uri).toMatch(/^data:image\/png;base64,/);
    const sent = decodeRealtime(encodeRealtime({ image: uri, image_url: uri }, form));
    // Both read back as data URIs; on the wire only one is bytes.
    expect(sent).toEqual({ image: uri, image_url: uri });
    expect(Buffer.from(encodeRealtime({ image: uri }, form)).includes(Buffer.from(png))).toBe(true);
    expect(Buffer.from(encodeRealtime({ image_url: uri }, form)).includes(Buffer.from(png))).toBe(false);
  });
});

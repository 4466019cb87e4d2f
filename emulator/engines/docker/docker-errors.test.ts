import { describe, expect, it } from 'vitest';
import { type ErrorCode, WindtunnelError } from '../../contract/index.ts';
import { startError } from './docker-errors.ts';
import { buildError } from './image-errors.ts';

/** As dockerode rejects with. */
const refused = (statusCode: number, message: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message} `), { statusCode, json: { message } });

describe('a container that is not started', () => {
  // Words of Docker 20.10 and 28.5, and of the NVIDIA toolkit.
  it.each<[unknown, ErrorCode, RegExp]>([
    [
      refused(500, 'could not select device driver "" with capabilities: [[gpu]]'),
      'E_DOCKER_GPU',
      /nvidia-ctk runtime/,
    ],
    [refused(500, 'nvidia-container-cli: device error: 7: unknown device'), 'E_DOCKER_GPU', /nvidia-smi/],
    [
      refused(500, 'CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=9'),
      'E_DOCKER_GPU',
      /nvidia-ctk cdi generate/,
    ],
    [refused(404, 'No such image: windtunnel/app:1'), 'E_IMAGE_BASE', /built anew/],
    [refused(500, 'mkdir /var/lib/docker/x: no space left on device'), 'E_DISK_FULL', /docker system df/],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'E_DOCKER_DOWN', /Start it again/],
    [new WindtunnelError('E_DATA_MOUNT', 'x', { hint: 'as it was' }), 'E_DATA_MOUNT', /as it was/],
  ])('%s', (error, code, hint) => {
    const made = startError('local/app', error);
    expect(made).toMatchObject({ code });
    expect(made.hint).toMatch(hint);
  });

  it('in words that nobody knows: those of the daemon', () => {
    const made = startError('local/app', refused(400, 'something new'));
    expect(made).toMatchObject({ code: 'E_DOCKER', kind: 'system' });
    expect(made.message).toContain('something new');
  });
});

describe('a build that fails outside of its steps', () => {
  it.each<[string, ErrorCode | null, RegExp]>([
    [
      'failed to resolve source metadata for docker.io/library/nope:1: docker.io/library/nope:1: not found',
      'E_IMAGE_BASE',
      /docker\.io\/library\/nope:1 does not exist/,
    ],
    [
      'failed to solve: x: failed to do request: Head "https://r.example/v2/x": dial tcp: lookup r.example: no such host',
      'E_IMAGE_BASE',
      /registry is not reached/,
    ],
    [
      'failed to solve with frontend dockerfile.v0: pull access denied for secret/thing, repository does not exist or may require authorization',
      'E_IMAGE_REGISTRY',
      /secret\/thing is refused/,
    ],
    [
      'failed to authorize: failed to fetch oauth token: unauthorized: incorrect username or password',
      'E_IMAGE_REGISTRY',
      /refused/,
    ],
    [
      'failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head "http://127.0.0.1:1/v2/some/image/manifests/2": dial tcp 127.0.0.1:1: connect: connection refused',
      'E_IMAGE_BASE',
      /^The image 127\.0\.0\.1:1\/some\/image:2 cannot be fetched, for its registry is not reached: failed to do request/,
    ],
    ['write /var/lib/docker/tmp: no space left on device', 'E_DISK_FULL', /became full/],
    ['executor failed running [/bin/sh -c false]: exit code: 1', null, /^/],
  ])('%s', (text, code, message) => {
    const error = buildError(text);
    expect(error?.code ?? null).toBe(code);
    expect(error?.message ?? '').toMatch(message);
  });

  it('in words without a name: it is that whose metadata was loaded', () => {
    const step = '[internal] load metadata for registry.example/some/image:1';
    expect(buildError('failed to solve: registry.example/some/image: not found', step)).toMatchObject({
      code: 'E_IMAGE_BASE',
      message: expect.stringContaining('registry.example/some/image:1 does not exist'),
    });
  });
});

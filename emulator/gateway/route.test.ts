import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEndpointPath } from './endpoint-id.ts';
import { routeOf, routeOfTarget } from './route.ts';

const route = (hostHeader: string, url: string, tls = false) => {
  const { service, path, query, base, form } = routeOf({ hostHeader, url, tls });
  return [service, path + query, base, form];
};

describe('routeOf', () => {
  test.each([
    ['127.0.0.1:8799', '/local/app', ['run', '/local/app', 'http://127.0.0.1:8799', 'local']],
    ['localhost:8799', '/run/local/app/x?y=1', ['run', '/local/app/x?y=1', 'http://localhost:8799/run', 'local']],
    ['[::1]:8799', '/queue/o/a', ['queue', '/o/a', 'http://[::1]:8799/queue', 'local']],
    ['localhost', '/rest/tokens/', ['rest', '/tokens/', 'http://localhost/rest', 'local']],
    ['localhost', '/tokens/', ['rest', '/tokens/', 'http://localhost', 'local']],
    ['localhost', '/storage/upload/initiate', ['rest', '/storage/upload/initiate', 'http://localhost', 'local']],
    ['localhost', '/files/wt-1/a.png', ['cdn', '/files/wt-1/a.png', 'http://localhost', 'local']],
    ['localhost', '/kv/get/a/b', ['kv', '/get/a/b', 'http://localhost/kv', 'local']],
    ['localhost', '/api/fal/proxy', ['proxy', '/api/fal/proxy', 'http://localhost', 'local']],
    ['localhost', '/health', ['health', '/health', 'http://localhost', 'local']],
    ['localhost', '/', ['health', '/', 'http://localhost', 'local']],
    ['localhost', '/_h/queue.fal.run/o/a?x', ['queue', '/o/a?x', 'http://localhost/_h/queue.fal.run', 'local']],
    ['localhost', '/_h/rest.alpha.fal.ai', ['rest', '/', 'http://localhost/_h/rest.alpha.fal.ai', 'local']],
    ['localhost', '/_h/example.com/o/a', ['unknown', '/o/a', 'http://localhost/_h/example.com', 'local']],
    ['FAL.run.', '/o/a', ['run', '/o/a', 'http://FAL.run.', 'production']],
    ['queue.fal.run', '/run/a', ['queue', '/run/a', 'http://queue.fal.run', 'production']],
    ['falrun.com', '/o/a', ['run', '/o/a', 'http://falrun.com', 'production']],
    ['queue.falrun.com:443', '/o/a', ['queue', '/o/a', 'http://queue.falrun.com:443', 'production']],
    ['v3b.fal.media', '/files/b/x', ['cdn', '/files/b/x', 'http://v3b.fal.media', 'production']],
    ['ws.fal.run', '/o/a', ['ws', '/o/a', 'http://ws.fal.run', 'production']],
    ['api.alpha.fal.ai', '/x', ['api', '/x', 'http://api.alpha.fal.ai', 'production']],
    ['wma.fal.run', '/x', ['unknown', '/x', 'http://wma.fal.run', 'production']],
    ['127.0.0.1', 'http://fal.run/o/a', ['run', '/o/a', 'http://fal.run', 'production']],
    ['127.0.0.1', 'http://queue.fal.run', ['queue', '/', 'http://queue.fal.run', 'production']],
  ])('%s %s', (host, url, wanted) => {
    expect(route(host, url)).toEqual(wanted);
  });

  test('TLS makes the base https', () => {
    expect(route('queue.fal.run', '/o/a', true)[2]).toBe('https://queue.fal.run');
  });

  test.each(['example.com', 'fal.run.example.com', 'xfal.run', '192.168.0.4', '127.0.0.1.nip.io', '', 'a b', '[::1'])(
    'the host %j is foreign',
    (host) => {
      expect(() => route(host, '/local/app')).toThrow(expect.objectContaining({ code: 'E_FOREIGN_HOST' }));
    },
  );
});

describe('routeOfTarget', () => {
  test('reads the real URL of a proxied call', () => {
    expect(routeOfTarget('https://queue.fal.run/o/a/requests/1/status?logs=1')).toMatchObject({
      service: 'queue',
      path: '/o/a/requests/1/status',
      query: '?logs=1',
      base: 'https://queue.fal.run',
      form: 'local',
    });
  });

  test.each([
    'http://fal.run/x',
    'https://example.com/x',
    'https://fal.run@example.com/x',
    'https://fal.run\\@e.com/',
    'nope',
  ])("%s is not fal's", (target) => {
    expect(routeOfTarget(target)).toBeNull();
  });
});

describe('parseEndpointPath', () => {
  test.each([
    ['/o/a', { namespace: null, owner: 'o', alias: 'a', prefix: 'o/a', path: '/' }],
    ['/o/a/', { owner: 'o', alias: 'a', path: '/' }],
    ['/o/a/b/c', { path: '/b/c' }],
    ['/workflows/o/a/x', { namespace: 'workflows', prefix: 'workflows/o/a', path: '/x' }],
    ['/comfy/o/a', { namespace: 'comfy', prefix: 'comfy/o/a', path: '/' }],
    ['/123-name', { owner: '123', alias: 'name', prefix: '123/name', path: '/' }],
    ['/123-name/requests/r/status', { owner: '123', alias: 'name', path: '/requests/r/status' }],
    ['/42-crew/app/x', { owner: '42-crew', alias: 'app', path: '/x' }],
  ])('%s', (path, wanted) => {
    expect(parseEndpointPath(path)).toMatchObject(wanted);
  });

  test.each(['/', '/o', '/o/', '//a', '/../a', '/o/..', '/o /a', '/o/%2e%2e', '/workflows/o'])(
    '%s names no app',
    (path) => {
      expect(parseEndpointPath(path)).toBeNull();
    },
  );

  const letters = [...'abzAZ059_-'];
  const word = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength: 10 });
  // No digit first: `1-x` alone is an id of the old form.
  const name = fc.tuple(word(['q', 'X']), word(letters)).map((parts) => parts.join(''));

  test('any well-formed id comes back in its parts', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(null, 'workflows', 'comfy'),
        name,
        name,
        fc.array(word([...letters, '%', '.']), { maxLength: 4 }),
        (namespace, owner, alias, rest) => {
          const prefix = [...(namespace === null ? [] : [namespace]), owner, alias].join('/');
          const path = ['', ...rest].join('/') || '/';
          expect(parseEndpointPath(`/${prefix}${path}`)).toEqual({ namespace, owner, alias, prefix, path });
        },
      ),
    );
  });

  test('no path makes it throw, and what it accepts holds no traversal', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...letters, '/', '.', '%', ' ', '\\', '\0', 'é', '?') }),
        (text) => {
          const id = parseEndpointPath(`/${text}`);
          if (id === null) return;
          for (const part of [id.owner, id.alias]) expect(part).toMatch(/^(?!\.{1,2}$)[A-Za-z0-9_.~@-]+$/);
          expect(id.path.startsWith('/')).toBe(true);
        },
      ),
    );
  });
});

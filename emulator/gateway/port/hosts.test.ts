import { describe, expect, it } from 'vitest';
import { isFalHost, parseHostPort } from './hosts.ts';

describe('hosts', () => {
  it.each([
    ['fal.run', { host: 'fal.run', port: null }],
    ['Queue.FAL.run:443', { host: 'queue.fal.run', port: 443 }],
    ['fal.run.:443', { host: 'fal.run', port: 443 }],
    ['[::1]:8799', { host: '::1', port: 8799 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['', null],
    ['.', null],
    ['fal.run:0', null],
    ['fal.run:65536', null],
    ['fal.run:', null],
    ['a b:443', null],
    ['user@fal.run:443', null],
    ['fal.run/x', null],
    ['::1', null],
  ])('reads %j as %j', (text, expected) => {
    expect(parseHostPort(text)).toEqual(expected);
  });

  it.each(['fal.ai', 'fal.run', 'v3.fal.media', 'queue.falrun.com', 'api.alpha.fal.ai', 'x.fal.dev'])(
    '%s is fal',
    (host) => {
      expect(isFalHost(host)).toBe(true);
    },
  );

  it.each(['notfal.run', 'fal.run.evil.com', 'run', 'fal', 'falrun.org', 'localhost'])('%s is not fal', (host) => {
    expect(isFalHost(host)).toBe(false);
  });
});

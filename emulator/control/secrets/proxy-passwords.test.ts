import { expect, test } from 'vitest';
import { proxyPasswords } from './proxy-passwords.ts';

test.each([
  ['https_proxy', 'http://corp:p%40ssword@proxy:3128', ['p%40ssword', 'p@ssword']],
  ['ALL_PROXY', 'corp:password@proxy:3128', ['password']],
  ['HTTP_PROXY', 'socks5://corp:pass%word@with:at@proxy', ['pass%word@with:at']],
  ['HTTPS_PROXY', 'http://proxy:3128', []],
  ['HTTPS_PROXY', 'http://user@proxy:3128', []],
  ['NO_PROXY', 'localhost,127.0.0.1:80', []],
  ['DATABASE_URL', 'postgres://user:password@host', []],
])('%s=%s', (name, value, expected) => {
  expect(proxyPasswords({ [name]: value })).toEqual(expected);
});

import { expect, test } from 'vitest';
import { FakeClock } from '../../core/fake-clock.ts';
import { opensApp, TokenSigner } from './tokens.ts';

const clock = new FakeClock();
const signer = new TokenSigner(Buffer.alloc(32, 1), clock);

test('a token is good for its time, and only as it was signed', () => {
  const token = signer.sign('app', 'me', 60, ['pixels']);
  expect(signer.verify(token)).toMatchObject({ aud: 'app', sub: 'me', allowed_apps: ['pixels'] });

  const [head, claims = '', mac = ''] = token.split('.');
  const forged = Buffer.from(Buffer.from(claims, 'base64url').toString().replace('pixels', 'secret')).toString(
    'base64url',
  );
  const flipped = `${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`;
  for (const bad of [
    `${head}.${forged}.${mac}`,
    `${head}.${claims}.${flipped}`,
    `${head}.${claims}.`,
    `${head}.${claims}`,
    '',
    '..',
  ]) {
    expect(signer.verify(bad)).toBeNull();
  }
  expect(new TokenSigner(Buffer.alloc(32, 2), clock).verify(token)).toBeNull();

  clock.advance(60_000);
  expect(signer.verify(token)).toBeNull();
});

test.each([
  ['pixels', true],
  ['me/pixels', true],
  ['me/pixels/realtime', true],
  ['workflows/me/pixels', true],
  ['other', false],
  ['you/pixels', false],
  ['me', false],
])('allowed_apps %j opens me/pixels: %s', (entry, opens) => {
  const claims = { aud: 'app', sub: 'me', exp: 0, allowed_apps: [entry] } as const;
  expect(opensApp({ ...claims, allowed_apps: [entry] }, 'me', 'pixels')).toBe(opens);
  expect(opensApp({ ...claims, aud: 'cdn', allowed_apps: [entry] }, 'me', 'pixels')).toBe(false);
});

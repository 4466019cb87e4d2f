import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { expect, it } from 'vitest';
import { WebhookSigner } from './signer.ts';

const pem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const NOW = Date.UTC(2026, 0, 1, 12, 0, 0, 999);

/** As a receiver checks it by fal's documentation. */
function isGenuine(signer: WebhookSigner, headers: Record<string, string>, body: Buffer): boolean {
  const [jwk] = signer.jwks().keys;
  const message = [
    headers['x-fal-webhook-request-id'],
    headers['x-fal-webhook-user-id'],
    headers['x-fal-webhook-timestamp'],
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  return verify(null, Buffer.from(message), key, Buffer.from(headers['x-fal-webhook-signature'] ?? '', 'hex'));
}

it('signs what a receiver can check with the published key, and nothing else', () => {
  const signer = new WebhookSigner(pem());
  const body = Buffer.from('{"a":1}');
  const headers = signer.headers('r1', 'me', body, NOW);
  expect(headers).toMatchObject({
    'x-fal-webhook-request-id': 'r1',
    'x-fal-webhook-user-id': 'me',
    'x-fal-webhook-timestamp': String(Math.floor(NOW / 1000)),
  });
  expect(isGenuine(signer, headers, body)).toBe(true);
  expect(isGenuine(signer, headers, Buffer.from('{"a":2}'))).toBe(false);
  expect(isGenuine(signer, { ...headers, 'x-fal-webhook-request-id': 'r2' }, body)).toBe(false);
  expect(isGenuine(new WebhookSigner(pem()), headers, body)).toBe(false);
});

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** The headers of one call of a webhook, by name. */
export type WebhookHeaders = Record<string, string>;

/** One public key as `rest.fal.ai/.well-known/jwks.json` names it. */
export interface Jwk {
  kty: 'OKP';
  crv: 'Ed25519';
  /** base64url. */
  x: string;
  kid: string;
  use: 'sig';
  alg: 'EdDSA';
}

/** Signs calls of webhooks as fal does (docs: model-apis/inference/webhooks). */
export class WebhookSigner {
  private readonly key: KeyObject;
  private readonly jwk: Jwk;

  /** `privateKey` is an Ed25519 key, PKCS #8 in PEM. */
  constructor(privateKey: string) {
    this.key = createPrivateKey(privateKey);
    const { x = '' } = createPublicKey(this.key).export({ format: 'jwk' });
    const kid = createHash('sha256').update(x).digest('hex').slice(0, 16);
    this.jwk = { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' };
  }

  jwks(): { keys: Jwk[] } {
    return { keys: [this.jwk] };
  }

  /** `now` in ms since the epoch: receivers take a signature for 300 s, so each call has its own. */
  headers(requestId: string, userId: string, body: Uint8Array, now: number): WebhookHeaders {
    const timestamp = String(Math.floor(now / 1000));
    const digest = createHash('sha256').update(body).digest('hex');
    const message = [requestId, userId, timestamp, digest].join('\n');
    return {
      'x-fal-webhook-request-id': requestId,
      'x-fal-webhook-user-id': userId,
      'x-fal-webhook-timestamp': timestamp,
      'x-fal-webhook-signature': sign(null, Buffer.from(message), this.key).toString('hex'),
    };
  }
}

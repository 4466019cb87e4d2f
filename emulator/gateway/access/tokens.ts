import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';

const ClaimsSchema = z.object({
  /** What the token opens: `app` for run, stream and realtime, `cdn` for uploads and KV. */
  aud: z.enum(['app', 'cdn']),
  /** Apps an `app` token opens: aliases or endpoint ids. */
  allowed_apps: z.array(z.string()),
  sub: z.string(),
  /** Unix seconds. */
  exp: z.number(),
});
export type Claims = z.infer<typeof ClaimsSchema>;

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');

/** Short-lived tokens: JWTs that only this emulator can make and check. */
export class TokenSigner {
  private readonly secret: Uint8Array;
  private readonly clock: Clock;

  constructor(secret: Uint8Array, clock: Clock) {
    this.secret = secret;
    this.clock = clock;
  }

  /** A token that ends `seconds` from now. */
  sign(aud: Claims['aud'], sub: string, seconds: number, allowedApps: string[] = []): string {
    const claims: Claims = { aud, allowed_apps: allowedApps, sub, exp: Math.floor(this.clock.now() / 1000) + seconds };
    const head = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${head}.${this.mac(head)}`;
  }

  /** The claims of a token of ours that has not ended, else null. */
  verify(token: string): Claims | null {
    const dot = token.lastIndexOf('.');
    if (dot < 0) return null;
    const head = token.slice(0, dot);
    const given = Buffer.from(token.slice(dot + 1));
    const wanted = Buffer.from(this.mac(head));
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    // The mac holds, so this is text of our own making.
    const payload = Buffer.from(head.slice(head.indexOf('.') + 1), 'base64url').toString();
    const claims = ClaimsSchema.safeParse(JSON.parse(payload));
    return claims.success && claims.data.exp * 1000 > this.clock.now() ? claims.data : null;
  }

  private mac(head: string): string {
    return createHmac('sha256', this.secret).update(head).digest('base64url');
  }
}

/** Whether an `app` token opens the app `owner/alias`. Clients name the alias, `owner/alias`, or `owner/alias/realtime`. */
export function opensApp(claims: Claims, owner: string, alias: string): boolean {
  if (claims.aud !== 'app') return false;
  return claims.allowed_apps.some((entry) => {
    const parts = entry.split('/').filter((part) => part !== 'workflows' && part !== 'comfy');
    return parts.length === 1 ? parts[0] === alias : parts[0] === owner && parts[1] === alias;
  });
}

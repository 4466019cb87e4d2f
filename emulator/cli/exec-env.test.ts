import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { routeFromEnv } from '../gateway/port/upstream.ts';
import { type Environment, type ExecEnvOptions, execEnv, execEnvChanges, originalEnv } from './exec-env.ts';

const options: ExecEnvOptions = {
  port: 8799,
  key: 'exec-key',
  falKey: 'local:secret',
  bundles: { SSL_CERT_FILE: '/state/bundle.pem', NODE_EXTRA_CA_CERTS: '/state/node.pem' },
  preloadPath: '/opt/windtunnel/preload.cjs',
};
const inline = (record: string) => Buffer.from(record).toString('base64');
const PROXY = 'http://wt:exec-key@127.0.0.1:8799';
const LOOPBACK = 'localhost,127.0.0.1,::1';

describe('execEnv', () => {
  it('from an empty environment sets these variables and no other', () => {
    const { WINDTUNNEL_ORIGINAL_ENV: record, ...env } = execEnv({}, options);
    expect(record).toBeDefined();
    expect(env).toEqual({
      HTTPS_PROXY: PROXY,
      https_proxy: PROXY,
      grpc_proxy: PROXY,
      WSS_PROXY: PROXY,
      wss_proxy: PROXY,
      NO_PROXY: LOOPBACK,
      no_proxy: LOOPBACK,
      SSL_CERT_FILE: '/state/bundle.pem',
      NODE_EXTRA_CA_CERTS: '/state/node.pem',
      NODE_OPTIONS: '--require "/opt/windtunnel/preload.cjs"',
      FAL_KEY: 'local:secret',
      FAL_GRPC_HOST: 'api.alpha.fal.ai',
      WINDTUNNEL_PORT_URL: 'http://127.0.0.1:8799',
    });
  });

  // What a hostile or merely unusual shell has, and what must come out. null: gone.
  it.each<[string, Environment, Record<string, string | null>]>([
    ['NO_PROXY=*', { NO_PROXY: '*' }, { NO_PROXY: LOOPBACK, no_proxy: LOOPBACK }],
    [
      'NO_PROXY with fal',
      { no_proxy: 'corp, .fal.run fal.ai,run,n' },
      { NO_PROXY: `corp,${LOOPBACK}`, no_proxy: `corp,${LOOPBACK}` },
    ],
    [
      'different lists in both cases',
      { NO_PROXY: 'a.corp', no_proxy: 'b.corp,a.corp' },
      { NO_PROXY: `a.corp,b.corp,${LOOPBACK}` },
    ],
    [
      'a mixed-case proxy variable',
      { Https_Proxy: 'http://x:1', No_Proxy: '*' },
      { Https_Proxy: null, No_Proxy: null, https_proxy: PROXY },
    ],
    [
      'a dead grpc_proxy',
      { grpc_proxy: 'http://127.0.0.1:9', GRPC_PROXY: 'x' },
      { grpc_proxy: PROXY, GRPC_PROXY: null },
    ],
    ['no_grpc_proxy', { no_grpc_proxy: 'fal.ai' }, { no_grpc_proxy: null }],
    [
      'a proxy for WebSockets alone',
      { WSS_PROXY: 'http://x:1', wss_proxy: 'socks5://y:1' },
      { WSS_PROXY: PROXY, wss_proxy: PROXY },
    ],
    [
      'a SOCKS proxy, which stays for what is not https',
      { socks_proxy: 'socks5://y:1' },
      { socks_proxy: 'socks5://y:1', wss_proxy: PROXY },
    ],
    ['a company proxy', { HTTPS_PROXY: 'http://u:p@corp:3128' }, { HTTPS_PROXY: PROXY, https_proxy: PROXY }],
    [
      'proxies of other schemes',
      { HTTP_PROXY: 'http://a:1', ALL_PROXY: 'http://b:2' },
      { HTTP_PROXY: 'http://a:1', ALL_PROXY: 'http://b:2' },
    ],
    [
      "a real key in fal's variables",
      { FAL_KEY: 'real:key', FAL_KEY_ID: 'real', FAL_KEY_SECRET: 'key' },
      { FAL_KEY: 'local:secret', FAL_KEY_ID: null, FAL_KEY_SECRET: null },
    ],
    [
      'other hosts',
      {
        FAL_HOST: 'api.x',
        FAL_RUN_HOST: 'x',
        FAL_QUEUE_RUN_HOST: 'x',
        FAL_REST_HOST: 'x',
        FAL_WS_RUN_HOST: 'x',
        FAL_GRPC_HOST: 'x',
      },
      {
        FAL_HOST: null,
        FAL_RUN_HOST: null,
        FAL_QUEUE_RUN_HOST: null,
        FAL_REST_HOST: null,
        FAL_WS_RUN_HOST: null,
        FAL_GRPC_HOST: 'api.alpha.fal.ai',
      },
    ],
    [
      'test modes',
      { ISOLATE_TEST_MODE: '1', ISOLATE_AUTH_DISABLED: '1', FAL_FORCE_AUTH_BY_USER: '1' },
      { ISOLATE_TEST_MODE: null, ISOLATE_AUTH_DISABLED: null, FAL_FORCE_AUTH_BY_USER: null },
    ],
    [
      'NODE_OPTIONS of its own',
      { NODE_OPTIONS: '--max-old-space-size=512 --require "./a b.cjs"' },
      { NODE_OPTIONS: '--max-old-space-size=512 --require "./a b.cjs" --require "/opt/windtunnel/preload.cjs"' },
    ],
    [
      'what is none of our business',
      { PATH: '/bin', SSL_CERT_DIR: '/certs', FAL_PROFILE: 'work' },
      { PATH: '/bin', SSL_CERT_DIR: '/certs', FAL_PROFILE: 'work' },
    ],
  ])('%s', (_, env, expected) => {
    const result = execEnv(env, options);
    const got = Object.fromEntries(Object.keys(expected).map((name) => [name, result[name] ?? null]));
    expect(got).toEqual(expected);
    expect(originalEnv(result)).toEqual(env);
  });

  it('leaves no trace of the real key in a variable that a client reads', () => {
    const { WINDTUNNEL_ORIGINAL_ENV: _, ...env } = execEnv(
      { FAL_KEY: 'real:key', FAL_KEY_SECRET: 'real:key' },
      options,
    );
    expect(Object.values(env).join('\n')).not.toContain('real:key');
  });

  it('keeps the dropped NO_PROXY for the way out', () => {
    const original = originalEnv(execEnv({ NO_PROXY: '*', HTTPS_PROXY: 'http://corp:1' }, options));
    expect(routeFromEnv(original)({ host: 'pypi.org', port: 443, scheme: 'https' })).toBeNull();
  });

  it('can be taken back and repeated, whatever the environment', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'NO_PROXY',
        'no_proxy',
        'https_proxy',
        'Https_Proxy',
        'FAL_KEY',
        'FAL_HOST',
        'NODE_OPTIONS',
        'SSL_CERT_FILE',
        'WINDTUNNEL_PORT_URL',
      ),
      fc.stringMatching(/^[A-Za-z_]{1,8}$/),
    );
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'grapheme' })), (generated) => {
        const env = { ...generated }; // fast-check's dictionary has no prototype
        const once = execEnv(env, options);
        expect(originalEnv(once)).toEqual(env);
        expect(execEnv(once, options)).toEqual(once);
        expect(originalEnv(execEnv(once, { ...options, port: 9000, key: 'other' }))).toEqual(env);
        const applied: Record<string, string> = { ...env };
        for (const [key, value] of Object.entries(execEnvChanges(env, options, inline))) {
          if (value === null) delete applied[key];
          else applied[key] = value;
        }
        expect(applied).toEqual(once);
      }),
    );
  });

  it('refuses a record that something has damaged', () => {
    for (const record of ['', 'bm9uc2Vuc2U=', Buffer.from('{"A":1}').toString('base64')]) {
      expect(() => originalEnv({ WINDTUNNEL_ORIGINAL_ENV: record })).toThrow(
        expect.objectContaining({ code: 'E_USAGE' }),
      );
    }
  });
});

describe('NODE_OPTIONS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'windtunnel env "quoted" \\ '));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('loads the preload from a path with spaces, quotes and backslashes, beside the user’s own', () => {
    mkdirSync(dir, { recursive: true });
    const preloadPath = join(dir, 'preload.cjs');
    writeFileSync(preloadPath, 'globalThis.loaded = "ours";');
    const env = execEnv(
      { PATH: process.env.PATH, NODE_OPTIONS: '--no-warnings' },
      { ...options, bundles: {}, preloadPath },
    );
    const printed = execFileSync(process.execPath, ['-p', 'globalThis.loaded'], {
      env,
      encoding: 'utf8',
    });
    expect(printed.trim()).toBe('ours');
  });
});

import { expect, it } from 'vitest';
import { installerEnv, parsePipConfig, planForUv } from './installer-settings.ts';

const CONFIG = [
  "global.index-url='https://global.example/simple'",
  "install.index-url='https://install.example/simple'",
  "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'",
  "global.find-links='/wheels'",
  "global.constraint='/etc/constraints.txt'",
  "global.cert='/etc/ca.pem'",
  "download.index-url='https://other.example'",
  ":env:.no-index='1'",
].join('\n');

it("reads pip's effective configuration: the environment over install over global", () => {
  const pip = parsePipConfig(CONFIG);
  expect(pip.get('index-url')).toBe('https://install.example/simple');
  expect(pip.get('extra-index-url')).toBe('https://a.example/simple\nhttps://b.example/simple');
  expect(pip.get('no-index')).toBe('1');
});

it('tells uv the same, credentials by variables only', () => {
  expect(planForUv(parsePipConfig(CONFIG), {})).toEqual({
    installer: 'uv',
    args: ['-c', '/etc/constraints.txt', '--no-index'],
    env: {
      UV_DEFAULT_INDEX: 'https://install.example/simple',
      UV_EXTRA_INDEX_URL: 'https://a.example/simple https://b.example/simple',
      UV_INDEX_STRATEGY: 'unsafe-best-match',
      UV_FIND_LINKS: '/wheels',
      SSL_CERT_FILE: '/etc/ca.pem',
    },
  });
});

it("leaves uv's own index settings and CA bundle alone", () => {
  const plan = planForUv(parsePipConfig(CONFIG), { UV_DEFAULT_INDEX: 'https://uv.example', SSL_CERT_FILE: '/own.pem' });
  expect(plan).toEqual({ installer: 'uv', args: ['-c', '/etc/constraints.txt'], env: {} });
});

it("takes the bundle of pip's and requests' variables for uv, which does not read them", () => {
  expect(planForUv(new Map(), { REQUESTS_CA_BUNDLE: '/company.pem' })).toMatchObject({
    env: { SSL_CERT_FILE: '/company.pem' },
  });
});

it('falls back to pip for what uv has no word for', () => {
  expect(planForUv(new Map([['client-cert', '/me.pem']]), {})).toEqual({
    installer: 'pip',
    reason: 'pip is configured with client-cert',
  });
});

it('passes proxies on, and nothing that leads into another environment', () => {
  const env = installerEnv({
    HTTPS_PROXY: 'http://p',
    NO_PROXY: 'x',
    VIRTUAL_ENV: '/v',
    PYTHONPATH: '/p',
    PIP_TARGET: '/t',
  });
  expect(env).toMatchObject({ HTTPS_PROXY: 'http://p', NO_PROXY: 'x' });
  for (const name of ['VIRTUAL_ENV', 'PYTHONPATH', 'PIP_TARGET']) expect(env).not.toHaveProperty(name);
});

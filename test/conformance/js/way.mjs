// Configures the client of this process as WT_WAY says: what a program that is not under exec does.
import { fal } from '@fal-ai/client';

const { WT_WAY, WT_URL, FAL_KEY: credentials } = process.env;
const toEmulator = (input) => {
  const url = new URL(String(input));
  if (!/(^|\.)fal\.(ai|run|media)$/.test(url.hostname)) return String(input);
  return `${WT_URL}/_h/${url.hostname}${url.pathname}${url.search}`;
};

const ways = {
  proxyUrl: { proxyUrl: { url: `${WT_URL}/api/fal/proxy`, when: 'always' } },
  requestMiddleware: { requestMiddleware: async (request) => ({ ...request, url: toEmulator(request.url) }) },
  fetch: { fetch: (url, init) => fetch(toEmulator(url), init) },
};
fal.config({ credentials, ...ways[WT_WAY] });

// Stands in for a registry, on a loopback port that it prints: a daemon takes plain HTTP only from its own loopback. Images
// below `private/` want a login, and none is right; there are no others. Each login that is sent is printed as it came.
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const server = http.createServer((request, response) => {
  if (request.headers.authorization) console.log(request.headers.authorization);
  const wantsLogin = request.url === '/v2/' || request.url?.startsWith('/v2/private/');
  const code = wantsLogin ? 'UNAUTHORIZED' : 'MANIFEST_UNKNOWN';
  if (wantsLogin) response.setHeader('www-authenticate', 'Basic realm="stand-in"');
  response.writeHead(wantsLogin ? 401 : 404).end(JSON.stringify({ errors: [{ code, message: code }] }));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

// Loaded into Node by NODE_OPTIONS=--require: leads TCP connections to fal's hosts to the emulator's port. TLS, SNI and Host stay
// fal's, so every library that stands on node:net is covered: fetch, undici, ws, https, http2, grpc-js.
'use strict';

const net = require('node:net');

const FAL_HOST = /(^|\.)(fal\.(ai|run|media|dev)|falrun\.com)\.?$/i;
const emulator = /^http:\/\/127\.0\.0\.1:(\d+)$/.exec(process.env.WINDTUNNEL_PORT_URL ?? '');

function redirected(options) {
  if (options === null || typeof options !== 'object' || options.path || !FAL_HOST.test(options.host ?? ''))
    return options;
  const port = Number(options.port);
  if (port !== 443 && port !== 80) return options;
  return {
    ...options,
    host: '127.0.0.1',
    port: Number(emulator[1]),
    servername: options.servername || options.host,
    lookup: undefined,
    family: 4,
  };
}

if (emulator) {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function connectRedirected(...args) {
    // net.connect() passes its arguments on as one array, marked by a symbol on it: changed in place.
    if (Array.isArray(args[0])) args[0][0] = redirected(args[0][0]);
    else if (typeof args[0] === 'object') args[0] = redirected(args[0]);
    else if (typeof args[1] === 'string') args.splice(0, 2, redirected({ port: args[0], host: args[1] }));
    return connect.apply(this, args);
  };
}

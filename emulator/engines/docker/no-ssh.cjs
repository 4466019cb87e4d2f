// Stands in for ssh2 in the bundle (build.mjs): docker-modem loads it at once, with its native modules, for connections over
// ssh that we never make.
exports.Client = class {
  constructor() {
    throw new Error('ssh is not part of this build');
  }
};

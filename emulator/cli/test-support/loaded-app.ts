import type { LoadedApp } from '../deploy/fal-project.ts';

/** An app as fal's own code has read it, with nothing set. */
export const LOADED_APP: LoadedApp = {
  name: 'shop',
  alias: 'shop',
  auth: null,
  kind: 'virtualenv',
  pythonVersion: null,
  requirements: [],
  image: null,
  host: {},
  secrets: null,
  health: null,
  importSeconds: 0.5,
  pickle: { bytes: 1000, local: [], packages: [] },
  code: { digest: 'c', files: {}, main: 'app.py', text: '' },
};

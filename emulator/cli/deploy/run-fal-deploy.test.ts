import { expect, test } from 'vitest';
import type { LoadedApp } from './fal-project.ts';
import { falDeployArguments } from './run-fal-deploy.ts';

const app: LoadedApp = {
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
const none = {
  env: undefined,
  team: undefined,
  appName: undefined,
  auth: undefined,
  strategy: undefined,
  message: undefined,
};

test('fal deploys where the checks looked: environment and team go along', () => {
  const args = falDeployArguments(app, {
    ...none,
    ref: 'app.py::Shop',
    env: 'staging',
    team: 'makers',
    resetScale: true,
  });
  expect(args.slice(0, 8)).toEqual([
    'deploy',
    'app.py::Shop',
    '--env',
    'staging',
    '--team',
    'makers',
    '--reset-scale',
    '--yes',
  ]);
});

import { expect, test } from 'vitest';
import { LOADED_APP } from '../test-support/loaded-app.ts';
import { falDeployArguments } from './run-fal-deploy.ts';

const none = {
  env: undefined,
  team: undefined,
  appName: undefined,
  auth: undefined,
  strategy: undefined,
  message: undefined,
};

test('fal deploys where the checks looked: environment and team go along', () => {
  const args = falDeployArguments(LOADED_APP, {
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

import { expect, it } from 'vitest';
import type { AppId } from '../../contract/index.ts';
import { exitError, type KnownEnd, untoldEnd } from './start-errors.ts';

const spec = { app: 'local/app' as AppId, limits: { memoryBytes: 2 ** 29, cpus: 1 } };
const said = (known: KnownEnd | null) => exitError(spec, untoldEnd(known, 2 ** 30), null, null);

it('an end that only the container tells is worded as one that the agent told', () => {
  expect(said({ by: 'exit', code: 7 })).toMatchObject({
    code: 'E_RUNNER_EXITED',
    message: 'The runner of local/app ended with exit code 7.',
  });
  expect(said({ by: 'memory' })).toMatchObject({
    code: 'E_RUNNER_MEMORY',
    message: 'The runner of local/app used 1.0 GiB, over the 0.5 GiB of its machine type.',
  });
  expect(said(null)).toMatchObject({ message: 'The runner of local/app was killed from outside.' });
});

import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { requestCases } from '../e2e/request-cases.ts';
import { watchCases } from '../e2e/watch-cases.ts';
import { runnerFaults, withSteadyApp } from '../faults/fault-cases.ts';
import { DockerUnderTest } from '../support/engine-under-test.ts';
import { requires } from '../support/skip.ts';

const docker = new DockerUnderTest();

beforeAll(() => docker.start(), 600_000);
afterAll(() => docker.dispose(), 120_000);
beforeEach(requires('dockerd'));

// What is shown on processes elsewhere, in containers.
describe('faults', () => {
  withSteadyApp(docker);
  runnerFaults();
});
describe('the record of a request', () => requestCases(docker));
describe('reload', () => watchCases(docker));

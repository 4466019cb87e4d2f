import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { answerFaults, runnerFaults, withSteadyApp } from './fault-cases.ts';

withSteadyApp(PROCESS_ENGINE);
answerFaults();
runnerFaults();

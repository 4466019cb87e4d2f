import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { requestCases } from './request-cases.ts';

requestCases(PROCESS_ENGINE);

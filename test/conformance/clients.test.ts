import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { clientCases } from './client-cases.ts';

clientCases(PROCESS_ENGINE);

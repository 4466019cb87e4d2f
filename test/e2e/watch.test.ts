import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { watchCases } from './watch-cases.ts';

watchCases(PROCESS_ENGINE);

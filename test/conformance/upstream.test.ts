import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { upstreamCases } from './upstream-cases.ts';

upstreamCases(PROCESS_ENGINE);

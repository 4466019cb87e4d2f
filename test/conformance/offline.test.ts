import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { offlineCases } from './offline-cases.ts';

offlineCases(PROCESS_ENGINE);

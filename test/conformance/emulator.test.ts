import { PROCESS_ENGINE } from '../support/engine-under-test.ts';
import { emulatorCases } from './emulator-cases.ts';

emulatorCases(PROCESS_ENGINE);

// The store's bench as a program: `node --expose-gc store-process.ts OPTIONS_JSON` prints its figures as JSON.
import { benchStore } from './store-bench.ts';

process.stdout.write(JSON.stringify(await benchStore(JSON.parse(process.argv[2] ?? ''))));

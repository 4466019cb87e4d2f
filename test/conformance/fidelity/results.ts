import type { SuiteReport } from '../../support/report.ts';

export type Mark = 'passed' | 'failed';

/** The columns of the page. */
export const ENGINES = ['process', 'docker'] as const;
export type Engine = (typeof ENGINES)[number];

/** What a run of the suite showed. Absent: it did not run, on this machine or this time. */
export interface Results {
  /** `12 J docker` → mark. */
  items: Record<string, Mark>;
  /** `test_sync_client.py::test_fal_client docker` → mark. */
  upstream: Record<string, Mark>;
}

/** Reads the items and upstream tests out of the names of the tests that ran. */
export function resultsOf({ tests }: Pick<SuiteReport, 'tests'>): Results {
  const results: Results = { items: {}, upstream: {} };
  for (const { name, state } of tests) {
    if (state === 'skipped') continue;
    const engine: Engine = name.includes('> on docker >') ? 'docker' : 'process';
    const item = /#(\d+) ([JPCE]): /.exec(name);
    const upstream = /(test_\w+\.py::\w+)$/.exec(name);
    if (item) note(results.items, `${item[1]} ${item[2]} ${engine}`, state);
    else if (upstream) note(results.upstream, `${upstream[1]} ${engine}`, state);
  }
  return results;
}

/** An item with several tests has passed when all have. */
function note(marks: Record<string, Mark>, key: string, state: Mark): void {
  marks[key] = marks[key] === 'failed' ? 'failed' : state;
}

import type { LoadFigures } from './load-generator.ts';
import type { StoreBenchFigures } from './store-bench.ts';

/** Everything that one run of the bench measured. */
export interface BenchFigures {
  queued: number;
  bare: { one: LoadFigures; many: LoadFigures };
  run: { one: LoadFigures; many: LoadFigures };
  queue: { one: LoadFigures; many: LoadFigures };
  submit: { one: LoadFigures; many: LoadFigures; shallow: LoadFigures; deep: LoadFigures };
  status: LoadFigures;
  /** Bytes resident in the emulator with `queued` requests waiting, and just after its start. */
  memory: { idle: number; queued: number };
  store: StoreBenchFigures;
}

export interface Target {
  name: string;
  value: number;
  unit: 'ms' | '/s' | 'MB' | '×' | '%';
  bound: { most: number } | { least: number };
  met: boolean;
}

/** The figures that have a target, each with whether it is met. */
export function judge(figures: BenchFigures): Target[] {
  const { bare, run, queue, submit, status, memory } = figures;
  const target = (name: string, value: number, unit: Target['unit'], bound: Target['bound']): Target => {
    const met = 'most' in bound ? value <= bound.most : value >= bound.least;
    return { name, value, unit, bound, met };
  };
  const waiting = figures.queued.toLocaleString('en');
  return [
    target('run adds, p50', run.one.p50 - bare.one.p50, 'ms', { most: 1 }),
    target('run keeps of bare throughput, 64 at once', (100 * run.many.perSecond) / bare.many.perSecond, '%', {
      least: 70,
    }),
    target('queue adds, p50', queue.one.p50 - bare.one.p50, 'ms', { most: 5 }),
    target('durable submits, 64 at once', submit.many.perSecond, '/s', { least: 1500 }),
    target('status, p50', status.p50, 'ms', { most: 1 }),
    target(`submit with ${waiting} waiting over that with 10, p50`, submit.deep.p50 / submit.shallow.p50, '×', {
      most: 1.2,
    }),
    target(`memory with ${waiting} waiting`, memory.queued / 1e6, 'MB', { most: 150 }),
  ];
}

/** The report as text: all figures, then the targets. */
export function report(figures: BenchFigures): string {
  const { bare, run, queue, submit, status, memory, store } = figures;
  const line = (name: string, { p50, p99, perSecond }: LoadFigures) =>
    `${name.padEnd(44)}${p50.toFixed(2).padStart(9)}${p99.toFixed(2).padStart(9)}${perSecond.toFixed(0).padStart(9)}`;
  const targets = judge(figures).map(({ name, value, unit, bound, met }) => {
    const wanted = 'most' in bound ? `≤ ${bound.most}` : `≥ ${bound.least}`;
    return `${met ? 'pass' : 'MISS'}  ${name.padEnd(58)}${value.toFixed(2).padStart(10)} ${unit.padEnd(3)}(${wanted})`;
  });
  return [
    `${''.padEnd(44)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}${'per s'.padStart(9)}`,
    line('runner called bare, 1 at once', bare.one),
    line('runner called bare, 64 at once', bare.many),
    line('through run, 1 at once', run.one),
    line('through run, 64 at once', run.many),
    line('through the queue to its result, 1 at once', queue.one),
    line('through the queue to its result, 64 at once', queue.many),
    line('submit, 1 at once', submit.one),
    line('submit, 64 at once', submit.many),
    line('submit with 10 waiting', submit.shallow),
    line(`submit with ${figures.queued.toLocaleString('en')} waiting`, submit.deep),
    line('status', status),
    line('store alone, submit, 1 at once', store.one),
    line('store alone, submit, 64 at once', store.many),
    `memory: ${(memory.idle / 1e6).toFixed(0)} MB idle, ${(memory.queued / 1e6).toFixed(0)} MB with all that waits`,
    '',
    ...targets,
  ].join('\n');
}

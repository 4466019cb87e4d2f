import type { DeployRound } from './deploy-bench.ts';
import type { ColdRound, DockerFigures } from './docker-bench.ts';
import type { Round, Series } from './load-generator.ts';
import type { StoreBenchFigures } from './store-bench.ts';

/** One call of the trivial app by four ways, measured in turn. */
export interface Compared {
  /** The app as the SDK serves it, nothing of Windtunnel in it: the baseline. */
  bare: Series;
  /** A runner with our harness, called without the emulator. */
  runner: Series;
  run: Series;
  queue: Series;
}

/** Everything that one run of the bench measured. */
export interface BenchFigures {
  machine: { cores: number; model: string; memoryBytes: number; node: string; load: number };
  queued: number;
  one: Compared;
  /** 64 at once. */
  many: Compared;
  submit: { one: Series; many: Series; shallow: Series; deep: Series };
  status: Series;
  /** Bytes resident in the emulator with `queued` requests waiting, and just after its start. */
  memory: { idle: number; queued: number };
  store: StoreBenchFigures;
  /** Milliseconds of the slowest source to import, round by round. */
  imports: number[];
  /** `fal deploy` of the trivial app to its first answer, beside `fal run --local`, round by round. */
  deploys: DeployRound[];
  /** The docker engine; a reason where this machine cannot start a daemon. */
  docker: DockerFigures | string;
}

export interface Target {
  name: string;
  value: number;
  /** Least and most of the rounds; null for what is measured once. */
  spread: [least: number, most: number] | null;
  unit: 'ms' | '/s' | 'MB' | '×' | '%';
  bound: { most: number } | { least: number };
  met: boolean;
}

/** The figures that have a target, each with whether it is met. */
export function judge(figures: BenchFigures): Target[] {
  const { one, many, submit, status, memory } = figures;
  const waiting = figures.queued.toLocaleString('en');
  const adds = (to: Series) => byRound(to, one.bare, (a, b) => a.p50 - b.p50);
  const kept = byRound(many.run, many.bare, (a, b) => (100 * a.perSecond) / b.perSecond);
  const deeper = byRound(submit.deep, submit.shallow, (a, b) => a.p50 / b.p50);
  return [
    target('run adds, p50', adds(one.run), 'ms', { most: 1 }),
    target('run keeps of bare throughput, 64 at once', kept, '%', { least: 70 }),
    target('queue adds, p50', adds(one.queue), 'ms', { most: 5 }),
    target(
      'durable submits, 64 at once',
      submit.many.rounds.map((r) => r.perSecond),
      '/s',
      { least: 1500 },
    ),
    target(
      'status, p50',
      status.rounds.map((r) => r.p50),
      'ms',
      { most: 1 },
    ),
    target(`submit with ${waiting} waiting over that with 10, p50`, deeper, '×', { most: 1.2 }),
    target(`memory with ${waiting} waiting`, [memory.queued / 1e6], 'MB', { most: 150 }),
    target('import of a source, the slowest', figures.imports, 'ms', { most: 1000 }),
    deployTarget(figures.deploys),
    ...(typeof figures.docker === 'string' ? [] : [coldTarget(figures.docker.cold)]),
  ];
}

/** `fal deploy` beside `fal run --local`. */
export const deployTarget = (deploys: readonly DeployRound[]): Target =>
  target(
    'fal deploy to the first answer over fal run --local',
    deploys.map(({ local, answer }) => answer / local),
    '×',
    { most: 1.5 },
  );

/** A cold start of the docker engine beside `docker run`. */
export const coldTarget = (cold: readonly ColdRound[]): Target =>
  target(
    'cold start in a container over a bare docker run',
    cold.map(({ bare, emulator }) => emulator / bare),
    '×',
    { most: 1.25 },
  );

/** What two cases say of each other, round by round: both saw the same machine. */
function byRound(a: Series, b: Series, compare: (a: Round, b: Round) => number): number[] {
  return a.rounds.map((round, index) => compare(round, b.rounds[index]!));
}

function median(rounds: readonly number[]): number {
  return rounds.toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN;
}

/** The median of the rounds counts. */
function target(name: string, rounds: number[], unit: Target['unit'], bound: Target['bound']): Target {
  const sorted = rounds.toSorted((a, b) => a - b);
  const value = median(rounds);
  const spread: Target['spread'] = sorted.length > 1 ? [sorted[0]!, sorted.at(-1)!] : null;
  return { name, value, spread, unit, bound, met: 'most' in bound ? value <= bound.most : value >= bound.least };
}

/** A target and whether it is met, in a line. */
export function targetLine({ name, value, spread, unit, bound, met }: Target): string {
  const wanted = 'most' in bound ? `≤ ${bound.most}` : `≥ ${bound.least}`;
  const rounds = spread === null ? '' : `  rounds ${spread[0].toFixed(2)} … ${spread[1].toFixed(2)}`;
  return `${met ? 'pass' : 'MISS'}  ${name.padEnd(50)}${value.toFixed(2).padStart(9)} ${unit.padEnd(3)}(${wanted})${rounds}`;
}

/** The report as text: the machine, all figures, then the targets. */
export function report(figures: BenchFigures): string {
  const { machine, one, many, submit, status, memory, store } = figures;
  const line = (name: string, { p50, p99, perSecond }: Round) =>
    `${name.padEnd(44)}${p50.toFixed(2).padStart(9)}${p99.toFixed(2).padStart(9)}${perSecond.toFixed(0).padStart(9)}`;
  const waiting = figures.queued.toLocaleString('en');
  return [
    `${machine.cores} cores (${machine.model}), ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, Node ${machine.node}, load ${machine.load.toFixed(2)} at the start`,
    '',
    `${''.padEnd(44)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}${'per s'.padStart(9)}`,
    line('the SDK alone, 1 at once', one.bare),
    line('the SDK alone, 64 at once', many.bare),
    line('runner without the emulator, 1 at once', one.runner),
    line('runner without the emulator, 64 at once', many.runner),
    line('through run, 1 at once', one.run),
    line('through run, 64 at once', many.run),
    line('through the queue to its result, 1 at once', one.queue),
    line('through the queue to its result, 64 at once', many.queue),
    line('submit, 1 at once', submit.one),
    line('submit, 64 at once', submit.many),
    line('submit with 10 waiting', submit.shallow),
    line(`submit with ${waiting} waiting`, submit.deep),
    line(`status with ${waiting} waiting`, status),
    line('store alone, submit, 1 at once', store.one),
    line('store alone, submit, 64 at once', store.many),
    `memory: ${(memory.idle / 1e6).toFixed(0)} MB idle, ${(memory.queued / 1e6).toFixed(0)} MB with ${waiting} waiting`,
    `fal run --local ${median(figures.deploys.map(({ local }) => local)).toFixed(2)} s to its first answer, fal deploy ${median(figures.deploys.map(({ answer }) => answer)).toFixed(2)} s`,
    `a state with ${waiting} waiting opens in ${store.reopenSeconds.toFixed(1)} s`,
    ...dockerLines(figures.docker, line),
    '',
    ...judge(figures).map(targetLine),
  ].join('\n');
}

function dockerLines(docker: DockerFigures | string, line: (name: string, round: Round) => string): string[] {
  if (typeof docker === 'string') return [`containers: skipped, it ${docker}`];
  const { one, many, cold } = docker;
  const middle = (pick: (round: ColdRound) => number) => median(cold.map(pick)).toFixed(2);
  const phases = (['image', 'boot', 'import', 'setup'] as const).map(
    (name) => `${name} ${middle((round) => round.phases[name])}`,
  );
  return [
    line('container, the SDK alone, 1 at once', one.bare),
    line('container, the SDK alone, 64 at once', many.bare),
    line('container, through run, 1 at once', one.run),
    line('container, through run, 64 at once', many.run),
    line('container, through the queue, 1 at once', one.queue),
    line('container, through the queue, 64 at once', many.queue),
    `cold start in a container: ${middle((round) => round.emulator)} s (${phases.join(', ')}); bare docker run ${middle((round) => round.bare)} s`,
  ];
}

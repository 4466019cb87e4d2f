import type { RunnerEngine } from './engine.ts';

/** An engine that is made when it is first needed: its libraries cost start-up time, and not every app uses it. */
export function lazyEngine(name: RunnerEngine['name'], make: () => Promise<RunnerEngine>): RunnerEngine {
  let made: Promise<RunnerEngine> | null = null;
  const engine = () => {
    made ??= make();
    return made;
  };
  return {
    name,
    start: async (spec, hooks, signal) => (await engine()).start(spec, hooks, signal),
    gpus: async (signal) => (await engine()).gpus(signal),
    sweep: async () => (await engine()).sweep(),
    // One that was never made has nothing.
    dispose: async () => (await made)?.dispose(),
  };
}

import { WindtunnelError } from '../../contract/index.ts';
import type { Redactor } from '../../core/redactor.ts';
import type { RunnerEngine, RunnerHandle } from '../../engines/engine.ts';

/** The same engine, with secrets taken out of the errors of its runners: a traceback quotes what the app holds. */
export function redactingEngine(engine: RunnerEngine, redactor: () => Redactor): RunnerEngine {
  const clean = (thrown: unknown): unknown =>
    thrown instanceof WindtunnelError ? redactError(thrown, redactor()) : thrown;
  return {
    name: engine.name,
    async start(spec, hooks, signal): Promise<RunnerHandle> {
      const handle = await engine.start(spec, hooks, signal).catch((thrown: unknown) => {
        throw clean(thrown);
      });
      const ready = handle.ready.catch((thrown: unknown) => {
        throw clean(thrown);
      });
      // Whoever waits sees the failure; one that nobody waits for is told by `exited`.
      ready.catch(() => undefined);
      return {
        id: handle.id,
        ready,
        exited: handle.exited.then((exit) => redactor().redactDeep(exit)),
        connect: () => handle.connect(),
        shell: () => handle.shell(),
        stop: async (grace) => redactor().redactDeep(await handle.stop(grace)),
        kill: () => handle.kill(),
        memory: () => handle.memory(),
        ...(handle.debug ? { debug: () => handle.debug!() } : {}),
      };
    },
    gpus: (signal) => engine.gpus(signal),
    sweep: () => engine.sweep(),
    dispose: () => engine.dispose(),
  };
}

/** An error whose texts hold no secret. */
export function redactError(error: WindtunnelError, redactor: Redactor): WindtunnelError {
  const { code, message, hint, actions, detail } = redactor.redactDeep(error.toJSON());
  return new WindtunnelError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(actions === undefined ? {} : { actions }),
    ...(detail === undefined ? {} : { detail }),
  });
}

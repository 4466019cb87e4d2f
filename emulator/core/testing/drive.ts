import { AppSettingsSchema, type SerializedError } from '../../contract/index.ts';
import type { AppEffect, AppEvent, Arrival } from '../app-protocol.ts';
import { createAppState, nextDeadline } from '../app-state.ts';
import { step } from '../app-step.ts';
import { type EffectiveSettings, effectiveSettings } from '../effective-settings.ts';
import type { AttemptEnd } from '../retry-policy.ts';

export const OK: AttemptEnd = { kind: 'answer', status: 200, needsRetry: null, stopRunner: null };
export const answer = (status: number): AttemptEnd => ({ ...OK, kind: 'answer', status });
export const boom: SerializedError = { code: 'E_APP_SETUP', kind: 'app', message: 'setup() raised' };

/** An app driven by hand: events in, effects out, time in seconds. */
export function drive(settings: Partial<EffectiveSettings> = {}, exclusive = false) {
  let ids = 0;
  let now = 0;
  const state = createAppState('local/demo', () => `r${++ids}`);
  const base = effectiveSettings(AppSettingsSchema.parse({}));
  const all: AppEffect[] = [];
  const send = (event: AppEvent): AppEffect[] => {
    const effects = step(state, event, now * 1000);
    all.push(...effects);
    return effects;
  };
  const revision = (id: string) => ({
    id,
    settings: { ...base, ...settings },
    exclusive,
    port: exclusive ? 8000 : null,
    image: false,
  });
  return {
    state,
    settings: { ...base, ...settings },
    all,
    send,
    configure: (id: string) => send({ type: 'configure', revision: revision(id) }),
    ready: (runner: string) => send({ type: 'runnerReady', runner }),
    exit: (runner: string, error: SerializedError | null = null) => send({ type: 'runnerExited', runner, error }),
    fail: (runner: string) => [
      ...send({ type: 'runnerFailed', runner, error: boom }),
      ...send({ type: 'runnerExited', runner, error: null }),
    ],
    arrive: (id: string, more: Partial<Arrival> = {}) =>
      send({
        type: 'arrive',
        request: {
          id,
          kind: 'queued',
          priority: 'normal',
          hint: null,
          noRetry: false,
          retryConfig: null,
          startDeadline: null,
          attempt: 0,
          spent: {},
          ...more,
        },
      }),
    end: (id: string, end: AttemptEnd = OK, attempt = 1, hints: string[] | null = null) =>
      send({ type: 'attemptEnded', id, attempt, end, hints }),
    /** Moves on, ticking at each deadline on the way. */
    pass(seconds: number): AppEffect[] {
      const until = now + seconds;
      const effects: AppEffect[] = [];
      for (let at = nextDeadline(state); at !== null && at <= until * 1000; at = nextDeadline(state)) {
        now = Math.max(now, at / 1000);
        effects.push(...send({ type: 'tick' }));
      }
      now = until;
      return effects;
    },
  };
}

export const of = <T extends AppEffect['type']>(effects: AppEffect[], type: T): Extract<AppEffect, { type: T }>[] =>
  effects.filter((e): e is Extract<AppEffect, { type: T }> => e.type === type);
export const dispatched = (effects: AppEffect[]) =>
  of(effects, 'dispatch').map((d) => `${d.id}@${d.runner}#${d.attempt}`);
export const started = (effects: AppEffect[]) => of(effects, 'startRunner').map((s) => s.runner);
export const stopped = (effects: AppEffect[]) => of(effects, 'stopRunner').map((s) => s.runner);

/** An app with ready runners. */
export function serving(settings: Partial<EffectiveSettings> = {}, exclusive = false) {
  const app = drive(settings, exclusive);
  app.configure('v1');
  app.send({ type: 'start' });
  app.ready('r1');
  return app;
}

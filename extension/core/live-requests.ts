import { type AppId, DESCRIPTION_PATH, type EmulatorEvent, type RequestState } from '../../emulator/contract/index.ts';

/** One request as the explorer shows it. */
export interface LiveRequest {
  id: string;
  app: AppId;
  path: string;
  kind: 'queued' | 'direct';
  state: RequestState;
  attempt: number;
  runner: string | null;
  /** HTTP status of the result; 0 where a direct call got no answer; null until then. */
  status: number | null;
  /** Of the last attempt. */
  seconds: number | null;
  /** ms since the epoch, of the last change. */
  at: number;
}

/** Requests that are kept for one app. */
export const KEPT_REQUESTS = 20;

/** The latest requests of each app, newest first, out of the emulator's events. */
export class LiveRequests {
  private readonly byApp = new Map<AppId, Map<string, LiveRequest>>();

  /** True when a request changed. */
  apply(event: EmulatorEvent): boolean {
    if ((event.type === 'direct.started' || event.type === 'direct') && event.path === DESCRIPTION_PATH) return false;
    switch (event.type) {
      case 'request.state':
        this.put({
          id: event.request,
          app: event.app,
          path: event.path,
          kind: 'queued',
          state: event.state,
          attempt: event.attempt,
          runner: event.runner,
          status: event.status,
          seconds: event.seconds,
          at: event.at,
        });
        return true;
      case 'direct.started':
        this.put({ ...direct(event), state: 'IN_PROGRESS', status: null, seconds: null });
        return true;
      case 'direct':
        this.put({ ...direct(event), state: 'COMPLETED', status: event.status, seconds: event.seconds });
        return true;
      case 'app.removed':
        return this.byApp.delete(event.app);
      default:
        return false;
    }
  }

  of(app: AppId): LiveRequest[] {
    return [...(this.byApp.get(app)?.values() ?? [])].reverse();
  }

  clear(): void {
    this.byApp.clear();
  }

  private put(request: LiveRequest): void {
    const requests = this.byApp.get(request.app) ?? new Map<string, LiveRequest>();
    this.byApp.set(request.app, requests);
    // In the order of their arrival: a change keeps the place.
    requests.set(request.id, request);
    const oldest = requests.keys().next().value;
    if (requests.size > KEPT_REQUESTS && oldest !== undefined) requests.delete(oldest);
  }
}

const direct = (event: { request: string; app: AppId; path: string; runner: string; at: number }) =>
  ({
    id: event.request,
    app: event.app,
    path: event.path,
    kind: 'direct',
    attempt: 1,
    runner: event.runner,
    at: event.at,
  }) as const;

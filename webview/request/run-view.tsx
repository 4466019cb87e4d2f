import * as l10n from '@vscode/l10n';
import type { PlaygroundRun, RunState } from '../../emulator/contract/playground.ts';
import { JsonTree } from './json-tree.tsx';
import { MediaGallery } from './media-gallery.tsx';

/** What can be done with a request. */
export interface RunActions {
  replay(run: string): void;
  edit(run: string): void;
  /** Absent: it is not this page's to cancel. */
  cancel?(run: string): void;
  copy(text: string): void;
  /** Absent: files are not fetched for this page. */
  saveMedia?(url: string): void;
}

/** What became of one request: states, times, result, logs. */
export function RunView(props: { run: PlaygroundRun; media: ReadonlyMap<string, string>; actions: RunActions }) {
  const { run, media, actions } = props;
  const over = run.state === 'COMPLETED' || run.state === 'failed' || run.state === 'cancelled';
  const word = stateWord(run);
  return (
    <div className="run">
      <div className="row spread">
        <div className="row">
          <output className={`state ${look(run)}`} aria-live="polite">
            {word}
          </output>
          <span className="muted">
            {run.path} · {run.mode}
            {run.attempts > 1 ? ` · ${l10n.t('attempt {0}', run.attempts)}` : ''}
            {run.runner ? ` · ${l10n.t('runner {0}', run.runner.slice(0, 8))}` : ''}
          </span>
          {run.request && (
            <button
              type="button"
              className="link"
              title={l10n.t("Copy the request's id")}
              onClick={() => actions.copy(run.request ?? '')}
            >
              {run.request.slice(0, 8)}
            </button>
          )}
        </div>
        <div className="row">
          {over ? (
            <>
              <button type="button" onClick={() => actions.replay(run.id)}>
                {l10n.t('Replay')}
              </button>
              <button type="button" onClick={() => actions.edit(run.id)}>
                {l10n.t('Replay with Edits')}
              </button>
            </>
          ) : (
            actions.cancel && (
              <button type="button" onClick={() => actions.cancel?.(run.id)}>
                {l10n.t('Cancel')}
              </button>
            )
          )}
        </div>
      </div>
      {run.timings.length > 0 && (
        <ul className="timings" aria-label={l10n.t('Times')}>
          {run.timings.map(({ label, seconds }) => (
            <li key={label}>
              <span className="muted">{label}</span> {seconds.toFixed(seconds < 10 ? 2 : 1)} s
            </li>
          ))}
        </ul>
      )}
      {run.error && (
        <p className="error" role="alert">
          {run.error}
        </p>
      )}
      <MediaGallery items={run.media} sources={media} actions={actions} />
      {run.output !== undefined && (
        <section aria-label={l10n.t('Answer')}>
          <div className="row spread">
            <h2>{l10n.t('Answer')}</h2>
            <button type="button" className="link" onClick={() => actions.copy(asText(run.output))}>
              {l10n.t('Copy')}
            </button>
          </div>
          {typeof run.output === 'string' && !run.output.startsWith('data:') ? (
            <pre>{run.output}</pre>
          ) : (
            <JsonTree value={run.output} />
          )}
        </section>
      )}
      {run.events.length > 0 && (
        <section aria-label={l10n.t('Events')}>
          <h2>{l10n.t('Events ({0})', run.events.length)}</h2>
          <ol className="events">
            {numbered(run.events).map(({ number, item }) => (
              <li key={number}>
                <JsonTree value={item} collapsed />
              </li>
            ))}
          </ol>
        </section>
      )}
      <section aria-label={l10n.t('Logs')}>
        <h2>{l10n.t('Logs of this request')}</h2>
        {run.logs.length === 0 && (
          <p className="muted">{over ? l10n.t('It printed nothing.') : l10n.t('Nothing yet.')}</p>
        )}
        <div className="logs" role="log">
          {numbered(run.logs).map(({ number, item: line }) => (
            <pre key={number} className={line.level}>
              <span className="muted">{clock(line.at)}</span> {line.text}
            </pre>
          ))}
        </div>
      </section>
    </div>
  );
}

export function stateWord(
  run: Pick<PlaygroundRun, 'state' | 'status' | 'seconds'> & { position?: number | null },
): string {
  if (run.state === 'IN_QUEUE' && run.position) return l10n.t('{0}, {1} before it', run.state, run.position);
  if (run.state !== 'COMPLETED') return STATE_WORDS[run.state];
  const done = run.status === null ? run.state : `${run.state} ${run.status}`;
  return run.seconds === null ? done : l10n.t('{0} in {1} s', done, run.seconds.toFixed(2));
}

export function look({ state, status }: { state: RunState; status: number | null }): 'waiting' | 'ok' | 'bad' {
  if (state === 'failed' || state === 'cancelled') return 'bad';
  if (state !== 'COMPLETED') return 'waiting';
  return status === null || status < 400 ? 'ok' : 'bad';
}

/** fal's own states are the same in every language; the rest is ours. */
const STATE_WORDS: Record<RunState, string> = {
  sending: l10n.t('sending'),
  IN_QUEUE: 'IN_QUEUE',
  IN_PROGRESS: 'IN_PROGRESS',
  COMPLETED: 'COMPLETED',
  failed: l10n.t('failed'),
  cancelled: l10n.t('cancelled'),
};

/** For keys of lists that only ever grow at their end. */
const numbered = <T,>(items: readonly T[]) => items.map((item, number) => ({ number, item }));

const clock = (at: number): string => new Date(at).toLocaleTimeString(undefined, { hour12: false });

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

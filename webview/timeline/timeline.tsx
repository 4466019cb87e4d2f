import * as l10n from '@vscode/l10n';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { PlaygroundRun } from '../../emulator/contract/playground.ts';
import { now } from '../page/clock.ts';
import { type RunActions, RunView } from '../request/run-view.tsx';
import { Lanes, type LanesHandle } from './lanes.tsx';
import { host } from './messages.ts';
import { RunnerDetail } from './runner-detail.tsx';
import { ScalingDecisions } from './scaling-decisions.tsx';
import { TimelineModel } from './timeline-model.ts';
import { fitted, moved, type Row, rowsOf, rowText, type Window, zoomed } from './timeline-view.ts';

const askFor = (request: string | null): void => {
  if (request !== null) host.send({ type: 'detail', request });
};

const NO_MEDIA: ReadonlyMap<string, string> = new Map();

const ACTIONS: RunActions = {
  replay: (request) => host.send({ type: 'replay', request }),
  edit: (request) => host.send({ type: 'openInPlayground', request }),
  copy: (text) => host.send({ type: 'copyText', text }),
};

/** The page: requests over time, runners as lanes, and the detail of what is selected. */
export function Timeline() {
  const model = useRef(new TimelineModel());
  const [version, setVersion] = useState(0);
  const [app, setApp] = useState<string | null>(null);
  // Null: everything, also what is to come.
  const [window, setWindow] = useState<Window | null>(null);
  const [selected, setSelected] = useState<Row | null>(null);
  const [detail, setDetail] = useState<PlaygroundRun | null>(null);
  const [ended, setEnded] = useState(false);
  const watched = useRef<string | null>(null);
  /** To be selected once it is known. */
  const wanted = useRef<string | null>(null);
  const lanes = useRef<LanesHandle>(null);
  const changed = useCallback(() => setVersion((before) => before + 1), []);

  const select = useCallback((row: Row) => {
    wanted.current = null;
    setSelected(row);
    setDetail(null);
    watched.current = row.kind === 'request' ? row.id : null;
    askFor(watched.current);
  }, []);

  useEffect(() => {
    const stop = host.listen((message) => {
      switch (message.type) {
        case 'reset':
          model.current = new TimelineModel();
          setEnded(false);
          setSelected(null);
          wanted.current = null;
          host.keep({ workspace: message.workspace });
          break;
        case 'recorded':
          model.current.addRecorded(message.requests);
          break;
        case 'events':
          for (const event of message.events) model.current.apply(event);
          // The story that is looked at goes on.
          if (message.events.some((event) => 'request' in event && event.request === watched.current))
            askFor(watched.current);
          break;
        case 'memory':
          model.current.setMemory(message.runners);
          break;
        case 'detail':
          setDetail(message.run);
          break;
        case 'select':
          wanted.current = message.request;
          break;
        case 'ended':
          setEnded(true);
      }
      const request = model.current.requests.get(wanted.current ?? '');
      if (request) {
        select({ kind: 'request', id: request.id, request });
        // The button that asked for it goes with the detail that it stood in.
        lanes.current?.focus();
      }
      changed();
    });
    host.send({ type: 'ready' });
    return stop;
  }, [changed, select]);

  const rows = rowsOf(model.current, app);
  const requests = rows.filter(({ kind }) => kind === 'request').length;
  const decisions = model.current.decisions.filter((one) => app === null || one.app === app);
  const apps = [
    ...new Set([...model.current.requests.values(), ...model.current.runners.values()].map((row) => row.app)),
  ].sort();
  const seen = window ?? fitted(model.current, now());
  const change = (next: (seen: Window) => Window) => setWindow(next(seen));

  return (
    <div className="timeline" data-version={version}>
      <header className="row spread">
        <div className="row">
          <h1>{l10n.t('Timeline')}</h1>
          <label htmlFor="app">{l10n.t('App')}</label>
          <select id="app" value={app ?? ''} onChange={({ target }) => setApp(target.value || null)}>
            <option value="">{l10n.t('All')}</option>
            {apps.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <span className="muted">
            {requests === 1 ? l10n.t('1 request') : l10n.t('{0} requests', requests)}
            {ended ? `, ${l10n.t('the emulator does not run')}` : ''}
          </span>
        </div>
        <div className="row" role="toolbar" aria-label={l10n.t('What is seen')}>
          <button type="button" onClick={() => change((one) => moved(one, -0.25))}>
            {l10n.t('Earlier')}
          </button>
          <button type="button" onClick={() => change((one) => moved(one, 0.25))}>
            {l10n.t('Later')}
          </button>
          <button type="button" onClick={() => change((one) => zoomed(one, 0.5, 0.5))}>
            {l10n.t('Zoom In')}
          </button>
          <button type="button" onClick={() => change((one) => zoomed(one, 2, 0.5))}>
            {l10n.t('Zoom Out')}
          </button>
          <button type="button" aria-pressed={window === null} onClick={() => setWindow(null)}>
            {l10n.t('All')}
          </button>
        </div>
      </header>
      <ul className="legend" aria-label={l10n.t('Colours')}>
        {LEGEND.map(([name, words]) => (
          <li key={name}>
            <span className={`swatch ${name}`} aria-hidden="true" /> {words}
          </li>
        ))}
      </ul>
      {rows.length === 0 ? (
        <p className="muted">{l10n.t('Nothing has happened yet. Run an app and send it a request.')}</p>
      ) : (
        <div className="split">
          <Lanes
            ref={lanes}
            rows={rows}
            depth={model.current.depth}
            decisions={decisions}
            window={seen}
            selected={selected?.id ?? null}
            live={!ended}
            onSelect={select}
            onWindow={change}
          />
          <section className="detail" aria-label={l10n.t('Detail')} aria-live="polite">
            {selected === null && (
              <>
                <p className="muted">{l10n.t('Select a request or a runner: by mouse, or with the arrow keys.')}</p>
                <ScalingDecisions decisions={decisions} />
              </>
            )}
            {selected && <h2>{rowText(selected)}</h2>}
            {selected?.kind === 'runner' && <RunnerDetail runner={selected.runner} />}
            {selected?.kind === 'request' && detail && <RunView run={detail} media={NO_MEDIA} actions={ACTIONS} />}
          </section>
        </div>
      )}
    </div>
  );
}

const LEGEND = [
  ['queued', l10n.t('queued')],
  ['cold', l10n.t('cold start')],
  ['run', l10n.t('runs')],
  ['failed', l10n.t('failed')],
  ['starting', l10n.t('runner starts')],
  ['idle', l10n.t('runner idle')],
  ['ending', l10n.t('runner ends')],
] as const;

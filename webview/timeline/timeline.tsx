import { useCallback, useEffect, useRef, useState } from 'react';
import type { PlaygroundRun } from '../../emulator/contract/playground.ts';
import { now } from '../page/clock.ts';
import { type RunActions, RunView } from '../request/run-view.tsx';
import { Lanes } from './lanes.tsx';
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
  const changed = useCallback(() => setVersion((before) => before + 1), []);

  useEffect(() => {
    const stop = host.listen((message) => {
      switch (message.type) {
        case 'reset':
          model.current = new TimelineModel();
          setEnded(false);
          setSelected(null);
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
        case 'ended':
          setEnded(true);
      }
      changed();
    });
    host.send({ type: 'ready' });
    return stop;
  }, [changed]);

  const select = (row: Row) => {
    setSelected(row);
    setDetail(null);
    watched.current = row.kind === 'request' ? row.id : null;
    askFor(watched.current);
  };
  const rows = rowsOf(model.current, app);
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
          <h1>Timeline</h1>
          <label htmlFor="app">App</label>
          <select id="app" value={app ?? ''} onChange={({ target }) => setApp(target.value || null)}>
            <option value="">All</option>
            {apps.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <span className="muted">
            {rows.filter(({ kind }) => kind === 'request').length} requests
            {ended ? ', the emulator does not run' : ''}
          </span>
        </div>
        <div className="row" role="toolbar" aria-label="What is seen">
          <button type="button" onClick={() => change((one) => moved(one, -0.25))}>
            Earlier
          </button>
          <button type="button" onClick={() => change((one) => moved(one, 0.25))}>
            Later
          </button>
          <button type="button" onClick={() => change((one) => zoomed(one, 0.5, 0.5))}>
            Zoom In
          </button>
          <button type="button" onClick={() => change((one) => zoomed(one, 2, 0.5))}>
            Zoom Out
          </button>
          <button type="button" aria-pressed={window === null} onClick={() => setWindow(null)}>
            All
          </button>
        </div>
      </header>
      <ul className="legend" aria-label="Colours">
        {LEGEND.map(([name, words]) => (
          <li key={name}>
            <span className={`swatch ${name}`} aria-hidden="true" /> {words}
          </li>
        ))}
      </ul>
      {rows.length === 0 ? (
        <p className="muted">Nothing has happened yet. Run an app and send it a request.</p>
      ) : (
        <div className="split">
          <Lanes
            rows={rows}
            depth={model.current.depth}
            decisions={decisions}
            window={seen}
            selected={selected?.id ?? null}
            live={!ended}
            onSelect={select}
            onWindow={change}
          />
          <section className="detail" aria-label="Detail" aria-live="polite">
            {selected === null && (
              <>
                <p className="muted">Select a request or a runner: by mouse, or with the arrow keys.</p>
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
  ['queued', 'queued'],
  ['cold', 'cold start'],
  ['run', 'runs'],
  ['failed', 'failed'],
  ['starting', 'runner starts'],
  ['idle', 'runner idle'],
  ['ending', 'runner ends'],
] as const;

import * as l10n from '@vscode/l10n';
import { useEffect, useRef, useState } from 'react';
import type { PlaygroundRun, PlaygroundState } from '../../emulator/contract/playground.ts';
import { UploadContext } from '../form/media-file-widget.tsx';
import { type RunActions, RunView } from '../request/run-view.tsx';
import { HistoryList } from './history-list.tsx';
import { host, upload, uploadEnded } from './messages.ts';
import { RequestEditor } from './request-editor.tsx';

const ACTIONS: RunActions = {
  replay: (run) => host.send({ type: 'replay', run }),
  edit: (run) => host.send({ type: 'edit', run }),
  cancel: (run) => host.send({ type: 'cancel', run }),
  copy: (text) => host.send({ type: 'copyText', text }),
  saveMedia: (url) => host.send({ type: 'saveMedia', url }),
};

/** The page: the request on the left, what became of it on the right. */
export function Playground() {
  const [state, setState] = useState<PlaygroundState | null>(null);
  const [run, setRun] = useState<PlaygroundRun | null>(null);
  const [filled, setFilled] = useState<{ path: string; input: string; count: number } | null>(null);
  const media = useRef(new Map<string, string>());
  const result = useRef<HTMLElement>(null);

  useEffect(() => {
    const ended = host.listen((message) => {
      switch (message.type) {
        case 'state':
          setState(message.state);
          host.keep({ target: message.state.target, path: message.state.selected });
          break;
        case 'run':
          // The button that asked for it goes while the new one runs.
          if (message.show && result.current?.contains(document.activeElement)) result.current.focus();
          setRun((shown) => (message.show || shown?.id === message.run.id ? message.run : shown));
          break;
        case 'media':
          if (!media.current.has(message.url)) {
            const blob = new Blob([new Uint8Array(message.bytes)], { type: message.contentType });
            media.current.set(message.url, URL.createObjectURL(blob));
          }
          break;
        case 'fill':
          setFilled((before) => ({ path: message.path, input: message.input, count: (before?.count ?? 0) + 1 }));
          host.send({ type: 'select', path: message.path });
          break;
        default:
          uploadEnded(message);
      }
    });
    host.send({ type: 'ready' });
    return ended;
  }, []);

  if (!state) return <p className="page muted">{l10n.t('Loading…')}</p>;
  const endpoint = state.endpoints.find(({ path }) => path === state.selected);
  return (
    <UploadContext value={upload}>
      <div className="page">
        <header className="row spread">
          <h1>
            {state.app.label} <span className="muted">{STATE_WORDS[state.app.state]}</span>
          </h1>
          <div className="row">
            {state.app.state === 'stopped' && (
              <button type="button" className="primary" onClick={() => host.send({ type: 'startApp' })}>
                {l10n.t('Run App')}
              </button>
            )}
            <button type="button" onClick={() => host.send({ type: 'showAppLogs' })}>
              {l10n.t('Show Logs')}
            </button>
          </div>
        </header>
        {state.problem && (
          <p className="error" role="alert">
            {state.problem}
          </p>
        )}
        <div className="columns">
          <section aria-label={l10n.t('Request')}>
            {endpoint ? (
              <RequestEditor
                key={`${endpoint.path}#${filled?.path === endpoint.path ? filled.count : 0}#${JSON.stringify(endpoint.form)}`}
                endpoints={state.endpoints}
                endpoint={endpoint}
                initial={filled?.path === endpoint.path ? filled.input : endpoint.lastInput}
              />
            ) : (
              <>
                <p className="muted">
                  {state.app.state === 'stopped'
                    ? l10n.t('The form comes from the app itself: run it to see its endpoints.')
                    : l10n.t('The app starts; its form comes once it is ready.')}
                </p>
                {state.app.state === 'starting' && state.app.step && <p className="step muted">{state.app.step}</p>}
              </>
            )}
          </section>
          <section aria-label={l10n.t('Result')} ref={result} tabIndex={-1}>
            {run ? (
              <RunView run={run} media={media.current} actions={ACTIONS} />
            ) : (
              endpoint && <p className="muted">{l10n.t('Send a request to see its states, logs and result.')}</p>
            )}
          </section>
        </div>
        <HistoryList entries={state.history} shown={run?.id ?? null} />
      </div>
    </UploadContext>
  );
}

const STATE_WORDS: Record<PlaygroundState['app']['state'], string> = {
  stopped: l10n.t('not running'),
  starting: l10n.t('starting…'),
  running: l10n.t('running in the emulator'),
};

import * as l10n from '@vscode/l10n';
import type { HistoryEntry } from '../../emulator/contract/playground.ts';
import { look, stateWord } from '../request/run-view.tsx';
import { host } from './messages.ts';

/** Earlier requests of this app, newest first. */
export function HistoryList({ entries, shown }: { entries: HistoryEntry[]; shown: string | null }) {
  if (entries.length === 0) return null;
  return (
    <section className="history" aria-label={l10n.t('History')}>
      <h2>{l10n.t('History')}</h2>
      <ul>
        {entries.map((entry) => (
          <li key={entry.id} className="row" aria-current={entry.id === shown ? 'true' : undefined}>
            <button type="button" className="link entry" onClick={() => host.send({ type: 'show', run: entry.id })}>
              {new Date(entry.at).toLocaleTimeString(undefined, { hour12: false })} {entry.path}
            </button>
            <span className={`state ${look(entry)}`}>{stateWord(entry)}</span>
            <span className="muted">{entry.mode}</span>
            <button
              type="button"
              className="link"
              aria-label={l10n.t('Replay {0}', entry.path)}
              onClick={() => host.send({ type: 'replay', run: entry.id })}
            >
              {l10n.t('Replay')}
            </button>
            <button
              type="button"
              className="link"
              aria-label={l10n.t('Edit {0}', entry.path)}
              onClick={() => host.send({ type: 'edit', run: entry.id })}
            >
              {l10n.t('Edit')}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

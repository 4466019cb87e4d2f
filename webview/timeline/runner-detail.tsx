import * as l10n from '@vscode/l10n';
import type { RunnerRow } from './timeline-model.ts';
import { memoryText } from './timeline-view.ts';

/** What a runner holds and went through, and why: the decisions of the scaling are the reasons of its first and last states. */
export function RunnerDetail({ runner }: { runner: RunnerRow }) {
  const held = memoryText(runner.memory);
  return (
    <>
      {held !== '' && <p>{held}</p>}
      <table>
        <thead>
          <tr>
            <th scope="col">{l10n.t('at')}</th>
            <th scope="col">{l10n.t('state')}</th>
            <th scope="col">{l10n.t('for')}</th>
            <th scope="col">{l10n.t('why')}</th>
          </tr>
        </thead>
        <tbody>
          {runner.states.map(({ kind, from, to, reason }) => (
            <tr key={`${from} ${kind}`}>
              <td>{new Date(from).toLocaleTimeString(undefined, { hour12: false })}</td>
              <td>{kind}</td>
              <td>{to === null ? l10n.t('until now') : `${((to - from) / 1000).toFixed(2)} s`}</td>
              <td>{reason}</td>
            </tr>
          ))}
          {runner.exit && (
            <tr>
              <td />
              <td>{l10n.t('ended')}</td>
              <td />
              <td>{runner.exit}</td>
            </tr>
          )}
        </tbody>
      </table>
    </>
  );
}

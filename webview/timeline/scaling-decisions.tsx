import * as l10n from '@vscode/l10n';
import type { Decision } from './timeline-model.ts';

/** As many as one reads. */
const SHOWN = 100;

/** What the scaling decided, newest first, each with its reason. */
export function ScalingDecisions({ decisions }: { decisions: readonly Decision[] }) {
  if (decisions.length === 0) return null;
  return (
    <>
      <h2>{l10n.t('Scaling')}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{l10n.t('at')}</th>
            <th scope="col">{l10n.t('runner')}</th>
            <th scope="col">{l10n.t('what')}</th>
            <th scope="col">{l10n.t('why')}</th>
          </tr>
        </thead>
        <tbody>
          {decisions
            .slice(-SHOWN)
            .reverse()
            .map(({ at, runner, kind, reason }) => (
              <tr key={`${at} ${runner} ${kind}`}>
                <td>{new Date(at).toLocaleTimeString(undefined, { hour12: false })}</td>
                <td>{runner.slice(0, 8)}</td>
                <td>{kind === 'start' ? l10n.t('▲ one more') : l10n.t('▼ one fewer')}</td>
                <td>{reason}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </>
  );
}

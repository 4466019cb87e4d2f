import type { Decision } from './timeline-model.ts';

/** As many as one reads. */
const SHOWN = 100;

/** What the scaling decided, newest first, each with its reason. */
export function ScalingDecisions({ decisions }: { decisions: readonly Decision[] }) {
  if (decisions.length === 0) return null;
  return (
    <>
      <h2>Scaling</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">at</th>
            <th scope="col">runner</th>
            <th scope="col">what</th>
            <th scope="col">why</th>
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
                <td>{kind === 'start' ? '▲ one more' : '▼ one fewer'}</td>
                <td>{reason}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </>
  );
}

import type { ComparisonSide, DeployChange, Deployment } from '../../emulator/contract/index.ts';

/** The settings of a deployment as a text for a diff: as they are deployed, or as they come; null where nothing is deployed. */
export function settingsText(changes: readonly DeployChange[], side: 'now' | 'after'): string {
  const lines = changes.flatMap(({ what, now, after, note }) => {
    if (side === 'now') return now === null ? [] : [`${what}: ${now}`];
    return [...(note === undefined ? [] : [`# ${note}`]), `${what}: ${after}`];
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** What a deployment would do: the settings that change, and the files; null where nothing is deployed yet. */
export function planSummary({ changes, code }: Pick<Deployment, 'changes' | 'code'>): string[] | null {
  if (changes?.every(({ now }) => now === null)) return null;
  const changed = (changes ?? []).filter((change) => change.changes).map(({ what }) => what);
  return [...(changed.length === 0 ? [] : [changed.join(', ')]), ...(code ?? [])];
}

/** An answer as texts for a diff: what came, what was printed, how long it took. */
export function answerTexts({ status, body, logs, queued, ran, seconds }: ComparisonSide) {
  const time = (value: number | null) => (value === null ? 'unknown' : `${value.toFixed(2)} s`);
  return {
    'answer.json': `${JSON.stringify({ status, output: body }, null, 2)}\n`,
    'log.txt': logs.map((line) => `${line}\n`).join(''),
    'times.yaml': `waited: ${time(queued)}\nran: ${time(ran)}\nin all: ${time(seconds)}\n`,
  };
}

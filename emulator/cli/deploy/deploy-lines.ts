import type { Account } from '../../contract/index.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { Change } from './deployment-diff.ts';
import type { Check } from './local-checks.ts';

const KEYS: Readonly<Record<Account['key'], string>> = {
  FAL_KEY: 'the key in FAL_KEY',
  FAL_KEY_ID: 'the key in FAL_KEY_ID and FAL_KEY_SECRET',
  profile: 'the key of the profile',
  login: 'the login of `fal auth login`',
};

/** What a person reads of a deployment, on stderr. */
export function deployLines({ note, noteStyle: style }: Pick<Terminal, 'note' | 'noteStyle'>) {
  const heading = (text: string) => note(style.dim(text));
  const paint = { ok: style.green, warning: style.yellow, error: style.red, skipped: style.dim };
  return {
    heading,
    line: (text: string) => note(`  ${style.dim('|')} ${text}`),
    account(account: Account, cli: string, app: string | null) {
      const profile = account.profile === null ? 'no profile' : `profile ${account.profile}`;
      const team = account.team === null ? '' : `, team ${account.team}`;
      note(`${app ?? 'deploy'}  at ${account.host}, ${profile}${team}, with ${KEYS[account.key]}`);
      note(style.dim(`  by ${cli}, outside of the emulator`));
    },
    checks(checks: readonly Check[]) {
      heading('checks');
      for (const { check, state, message, hint, line } of checks) {
        const where = line === undefined ? '' : `line ${line}: `;
        note(`  ${paint[state](state.padEnd(8))} ${check.padEnd(16)} ${where}${message}`);
        if (hint !== undefined) note(style.dim(`${' '.repeat(28)}${hint}`));
      }
    },
    changes(app: string, revision: string | null, changes: readonly Change[], code: readonly string[] | null) {
      heading(revision === null ? `${app} is not deployed yet` : `changes to ${app}, revision ${revision}`);
      const shown = changes.filter((change) => change.changes || change.note !== undefined);
      if (shown.length === 0) note('  nothing');
      const rows = shown.map((change) => [change.what, row(change)]);
      for (const text of table(rows)) note(`  ${text}`);
      for (const text of code ?? []) note(`    ${text}`);
    },
    done(url: string, revision: string) {
      note(`${style.green('healthy')}  ${url}  revision ${revision}`);
    },
  };
}

function row({ now, after, changes, note }: Change): string {
  const value = changes ? (now === null ? after : `${now} → ${after}`) : after;
  return note === undefined ? value : `${value}  (${note})`;
}

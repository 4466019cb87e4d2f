import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planReimport } from './reimport.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** The plan for one file, its content as text. */
function plan(base: string | null, there: string | null, next: string | null): Record<string, unknown> | undefined {
  const [found] = planReimport(
    next === null ? [] : [{ path: 'app.py', content: bytes(next) }],
    new Map(base === null ? [] : [['app.py', bytes(base)]]),
    () => (there === null ? null : bytes(there)),
  );
  return found && { ...found, ...('content' in found ? { content: Buffer.from(found.content).toString() } : {}) };
}

const OLD = 'import fal\n\n\nclass A(fal.App):\n    keep_alive = 60\n\n    def setup(self):\n        pass\n';
const EDITED = OLD.replace('pass', 'self.model = load()');
const NEWER = OLD.replace('60', '300');

it.each<[string, string | null, string | null, string | null, Record<string, unknown>]>([
  ['a file that is not there is written', null, null, OLD, { action: 'write', content: OLD }],
  ['one that is as it was written is written anew', OLD, OLD, NEWER, { action: 'write', content: NEWER }],
  ['the edits of the user stay when nothing is new', OLD, EDITED, OLD, { action: 'keep', edited: true }],
  ['both are joined', OLD, EDITED, NEWER, { action: 'merge', content: EDITED.replace('60', '300') }],
  ['both in one line are a conflict', OLD, OLD.replace('60', '90'), NEWER, { action: 'conflict', content: NEWER }],
  ['the same change on both sides is none', OLD, NEWER, NEWER, { action: 'keep', edited: false }],
  ["a user's file of the name is a conflict", null, 'mine\n', OLD, { action: 'conflict', content: OLD }],
  ['one that the user deleted comes back', OLD, null, NEWER, { action: 'write', content: NEWER }],
  ['one that is not written any more goes', OLD, OLD, null, { action: 'remove', edited: false }],
  ['unless it was edited', OLD, EDITED, null, { action: 'remove', edited: true }],
])('%s', (_what, base, there, next, expected) => {
  expect(plan(base, there, next)).toMatchObject(expected);
});

it('bytes that are no text are never joined', () => {
  const content = (last: number): Uint8Array => new Uint8Array([0xff, 0xfe, last]);
  const files = [{ path: 'a.bin', content: content(3) }];
  const found = planReimport(files, new Map([['a.bin', content(1)]]), () => content(2));
  expect(found).toMatchObject([{ action: 'conflict' }]);
});

it('never loses a line that the user added', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, fc.nat(12), (base, next, at) => {
      const mine = [...base.slice(0, at), 'OF THE USER', ...base.slice(at)];
      const [old, own, theirs] = [base, mine, next].map((text) => text.join('\n'));
      const found = plan(old!, own!, theirs!)!;
      if (found.action === 'write' || found.action === 'merge') expect(found.content).toContain('OF THE USER');
    }),
  );
});

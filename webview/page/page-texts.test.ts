import { TranslatableString } from '@rjsf/utils';
import { config } from '@vscode/l10n';
import { afterEach, describe, expect, it } from 'vitest';
import { formText } from '../form/form-texts.ts';
import { sentence } from '../form/validation-texts.ts';
import { stateWord } from '../request/run-view.tsx';
import { rowText } from '../timeline/timeline-view.ts';

const use = (contents: Record<string, string>) => config({ contents });
const runner = { id: '0123456789', app: 'me/a', states: [], exit: 'oom', memory: { bytes: null, gpu: null } };

describe('the texts of the pages', () => {
  afterEach(() => use({}));

  it('are English without a bundle', () => {
    expect(formText(TranslatableString.TitleOptionPrefix, ['Style', '2'])).toBe('Style option 2');
    expect(formText(TranslatableString.UnknownFieldType, ['$&'])).toBe('Unknown field type $&');
    expect(sentence('Instance type "string" is invalid. Expected "number".')).toBe(
      'is a string, and should be: number',
    );
    expect(sentence('5 is less than or equal to  7.')).toBe('5 is less than or equal to  7');
    expect(sentence('Instance does not match "a".')).toBe('does not match "a"');
    expect(rowText({ kind: 'runner', id: runner.id, runner })).toBe('Runner 01234567 of me/a: ended (oom)');
    expect(stateWord({ state: 'COMPLETED', status: 200, seconds: 1.5 })).toBe('COMPLETED 200 in 1.50 s');
  });

  it('are those of the bundle, with their values where it has them', () => {
    use({
      '{0} option {1}': 'Wahl {1} von {0}',
      'is a {0}, and should be: {1}': 'soll {1} sein, nicht {0}',
      'Runner {0} of {1}: {2}': '{1}, Runner {0}: {2}',
      'ended ({0})': 'beendet ({0})',
      '{0} in {1} s': '{0} nach {1} s',
      '{0}, {1} before it': '{0}, {1} davor',
    });
    expect(formText(TranslatableString.TitleOptionPrefix, ['Style', '2'])).toBe('Wahl 2 von Style');
    expect(sentence('Instance type "string" is invalid. Expected "number".')).toBe('soll number sein, nicht string');
    expect(rowText({ kind: 'runner', id: runner.id, runner })).toBe('me/a, Runner 01234567: beendet (oom)');
    expect(stateWord({ state: 'COMPLETED', status: 200, seconds: 1.5 })).toBe('COMPLETED 200 nach 1.50 s');
    expect(stateWord({ state: 'IN_QUEUE', status: null, seconds: null, position: 3 })).toBe('IN_QUEUE, 3 davor');
  });
});

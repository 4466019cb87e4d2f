import type { UiSchema } from '@rjsf/utils';
import type { FieldHint } from '../../emulator/contract/playground.ts';

const WIDGETS: Record<FieldHint['kind'], string> = {
  image: 'MediaFile',
  video: 'MediaFile',
  audio: 'MediaFile',
  file: 'MediaFile',
  'long-text': 'textarea',
  hidden: 'hidden',
};

/** The form library's own description of what the hints say. */
export function uiSchemaOf(hints: readonly FieldHint[]): UiSchema {
  const root: UiSchema = { 'ui:submitButtonOptions': { norender: true }, 'ui:title': ' ', 'ui:description': ' ' };
  for (const hint of hints) {
    let at = root;
    for (const name of hint.at) {
      const key = name === '*' ? 'items' : name;
      at[key] ??= {};
      at = at[key];
    }
    at['ui:widget'] = WIDGETS[hint.kind];
    if (WIDGETS[hint.kind] === 'MediaFile') at['ui:options'] = { hint };
    if (hint.kind === 'long-text') at['ui:options'] = { rows: 3 };
  }
  return root;
}

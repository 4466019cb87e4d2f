import { TranslatableString } from '@rjsf/utils';
import * as l10n from '@vscode/l10n';

/** A text of the form library, in the language of the editor; those that none of our schemas reaches stay as the library has them. */
export function formText(text: TranslatableString, given: string[] = []): string {
  const [first = '', second = ''] = given;
  switch (text) {
    case TranslatableString.ArrayItemTitle:
      return l10n.t('Item');
    case TranslatableString.EmptyArray:
      return l10n.t('No items yet. Use the button below to add some.');
    case TranslatableString.YesLabel:
      return l10n.t('Yes');
    case TranslatableString.NoLabel:
      return l10n.t('No');
    case TranslatableString.NewStringDefault:
      return l10n.t('New Value');
    case TranslatableString.AddButton:
      return l10n.t('Add');
    case TranslatableString.AddItemButton:
      return l10n.t('Add Item');
    case TranslatableString.CopyButton:
      return l10n.t('Copy');
    case TranslatableString.MoveDownButton:
      return l10n.t('Move down');
    case TranslatableString.MoveUpButton:
      return l10n.t('Move up');
    case TranslatableString.RemoveButton:
      return l10n.t('Remove');
    case TranslatableString.ClearButton:
      return l10n.t('clear input');
    case TranslatableString.OptionPrefix:
      return l10n.t('Option {0}', first);
    case TranslatableString.TitleOptionPrefix:
      return l10n.t('{0} option {1}', first, second);
    case TranslatableString.KeyLabel:
      return l10n.t('{0} Key', first);
    case TranslatableString.UnsupportedFieldWithIdAndReason:
      return l10n.t('Unsupported field schema for field `{0}`: _{1}_.', first, second);
    default:
      return given.reduce<string>((words, one, index) => words.replaceAll(`%${index + 1}`, () => one), text);
  }
}

import Form from '@rjsf/core/lib/components/Form.js';
import { type IconButtonProps, type RJSFSchema, TranslatableString } from '@rjsf/utils';
import * as l10n from '@vscode/l10n';
import { useMemo } from 'react';
import type { FieldHint, FormSchema } from '../../emulator/contract/playground.ts';
import { formText } from './form-texts.ts';
import { MediaFileWidget } from './media-file-widget.tsx';
import { validator } from './schema-validator.ts';
import { uiSchemaOf } from './ui-schema.ts';

const widgets = { MediaFile: MediaFileWidget };

/** Buttons in words: the library's own are glyphs of a font that no page here has. */
const textButton = (string: TranslatableString, text: string) =>
  function TextButton({ id, className, disabled, onClick, registry }: IconButtonProps) {
    const label = registry.translateString(string);
    return (
      <button
        id={id}
        type="button"
        className={`item-button ${className ?? ''}`}
        disabled={disabled}
        onClick={onClick}
        aria-label={label}
        title={label}
      >
        {text}
      </button>
    );
  };

const templates = {
  ButtonTemplates: {
    AddButton: textButton(TranslatableString.AddItemButton, l10n.t('+ Add')),
    RemoveButton: textButton(TranslatableString.RemoveButton, l10n.t('Remove')),
    CopyButton: textButton(TranslatableString.CopyButton, l10n.t('Copy')),
    MoveUpButton: textButton(TranslatableString.MoveUpButton, '↑'),
    MoveDownButton: textButton(TranslatableString.MoveDownButton, '↓'),
    ClearButton: textButton(TranslatableString.ClearButton, l10n.t('Clear')),
  },
};

/** A form for one endpoint's input. */
export function InputForm(props: {
  schema: FormSchema;
  hints: FieldHint[];
  value: unknown;
  /** By path, where the input was found wrong. */
  showErrors: boolean;
  onChange(value: unknown): void;
}) {
  const uiSchema = useMemo(() => uiSchemaOf(props.hints), [props.hints]);
  return (
    <Form
      schema={props.schema as RJSFSchema}
      uiSchema={uiSchema}
      formData={props.value}
      validator={validator}
      widgets={widgets}
      templates={templates}
      translateString={formText}
      idPrefix="input"
      liveValidate={props.showErrors}
      showErrorList={false}
      noHtml5Validate
      tagName="div"
      onChange={({ formData }) => props.onChange(formData)}
    >
      {/* The page has its own button. */}
      <span />
    </Form>
  );
}

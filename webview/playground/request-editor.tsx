import { getDefaultFormState, type RJSFSchema } from '@rjsf/utils';
import * as l10n from '@vscode/l10n';
import { type KeyboardEvent, useId, useState } from 'react';
import type { ClientLanguage, PlaygroundEndpoint, SendMode } from '../../emulator/contract/playground.ts';
import { exampleInput } from '../form/example-input.ts';
import { InputForm } from '../form/input-form.tsx';
import { problems, validator } from '../form/schema-validator.ts';
import { host } from './messages.ts';

const MODES: Record<SendMode, string> = {
  queue: l10n.t('Queue'),
  direct: l10n.t('Direct'),
  stream: l10n.t('Stream'),
  realtime: l10n.t('Realtime'),
};
const LANGUAGES: readonly [ClientLanguage, string][] = [
  ['curl', 'curl'],
  ['python', 'Python'],
  ['javascript', 'JavaScript'],
];

/** The input of one endpoint, by form or as JSON, and how it is sent. */
export function RequestEditor(props: {
  endpoints: PlaygroundEndpoint[];
  endpoint: PlaygroundEndpoint;
  /** JSON text; null: the defaults and examples of the schema. */
  initial: string | null;
}) {
  const { endpoint } = props;
  const [text, setText] = useState(() => props.initial ?? defaultsOf(endpoint));
  const [raw, setRaw] = useState(endpoint.form === null);
  const [mode, setMode] = useState<SendMode>(endpoint.modes[0] ?? 'queue');
  const [wrong, setWrong] = useState<string[]>([]);
  const ids = useId();
  const input = parsed(text);

  const change = (next: string) => {
    setText(next);
    setWrong([]);
    host.send({ type: 'remember', path: endpoint.path, input: next });
  };
  const send = (anyway = false) => {
    if ('problem' in input) return setWrong([input.problem]);
    const found = endpoint.form && !anyway ? problems(endpoint.form as RJSFSchema, input.value) : [];
    setWrong(found);
    if (found.length === 0) host.send({ type: 'send', path: endpoint.path, mode, input: text });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      className="editor"
      onKeyDown={keys}
      aria-label={l10n.t('Input')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="row">
        <label htmlFor={`${ids}-endpoint`}>{l10n.t('Endpoint')}</label>
        <select
          id={`${ids}-endpoint`}
          className="grow"
          value={endpoint.path}
          onChange={({ target }) => host.send({ type: 'select', path: target.value })}
        >
          {props.endpoints.map(({ path, title }) => (
            <option key={path} value={path}>
              {title === path ? path : `${path}  (${title})`}
            </option>
          ))}
        </select>
        <label className="check">
          <input
            type="checkbox"
            checked={raw}
            disabled={endpoint.form === null || 'problem' in input}
            onChange={({ target }) => setRaw(target.checked)}
          />
          JSON
        </label>
      </div>
      {endpoint.description && <p className="muted">{endpoint.description}</p>}
      {raw || !endpoint.form ? (
        <div>
          <label htmlFor={`${ids}-json`}>{l10n.t('Input as JSON')}</label>
          <textarea
            id={`${ids}-json`}
            rows={14}
            spellCheck={false}
            value={text}
            onChange={({ target }) => change(target.value)}
          />
          {'problem' in input && <p className="error">{input.problem}</p>}
        </div>
      ) : (
        <InputForm
          schema={endpoint.form}
          hints={endpoint.hints}
          value={'value' in input ? input.value : {}}
          showErrors={wrong.length > 0}
          onChange={(value) => change(JSON.stringify(value ?? {}, null, 2))}
        />
      )}
      {wrong.length > 0 && (
        <div className="error" role="alert">
          <ul>
            {wrong.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
          {!('problem' in input) && (
            <button type="button" onClick={() => send(true)}>
              {l10n.t('Send Anyway')}
            </button>
          )}
        </div>
      )}
      <div className="row send">
        <button type="submit" className="primary" title={l10n.t('Ctrl+Enter')}>
          {l10n.t('Send')}
        </button>
        <label htmlFor={`${ids}-mode`}>{l10n.t('by')}</label>
        <select id={`${ids}-mode`} value={mode} onChange={({ target }) => setMode(target.value as SendMode)}>
          {endpoint.modes.map((one) => (
            <option key={one} value={one}>
              {MODES[one]}
            </option>
          ))}
        </select>
        <span className="muted">{l10n.t('Copy as')}</span>
        {LANGUAGES.map(([language, name]) => (
          <button
            key={language}
            type="button"
            className="link"
            aria-label={l10n.t('Copy as {0}', name)}
            disabled={'problem' in input}
            onClick={() => host.send({ type: 'copyCode', language, path: endpoint.path, input: text })}
          >
            {name}
          </button>
        ))}
      </div>
    </form>
  );
}

function defaultsOf({ form }: PlaygroundEndpoint): string {
  const value = form ? getDefaultFormState(validator, form as RJSFSchema, exampleInput(form), form as RJSFSchema) : {};
  return JSON.stringify(value ?? {}, null, 2);
}

function parsed(text: string): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: error instanceof Error ? l10n.t('Not JSON: {0}', error.message) : String(error) };
  }
}

import type { WidgetProps } from '@rjsf/utils';
import * as l10n from '@vscode/l10n';
import { createContext, type DragEvent, useContext, useId, useState } from 'react';
import type { FieldHint } from '../../emulator/contract/playground.ts';

/** Puts a file where the app can fetch it; resolves with its URL. */
export type Upload = (file: File) => Promise<string>;

export const UploadContext = createContext<Upload>(() =>
  Promise.reject(new Error(l10n.t('Files cannot be uploaded here.'))),
);

const ACCEPT: Record<string, string> = { image: 'image/*', video: 'video/*', audio: 'audio/*' };

/** A property that takes a file: its URL to type in, a button to choose one, and a place to drop one. */
export function MediaFileWidget({ id, value, onChange, options, schema, required, disabled, label }: WidgetProps) {
  const upload = useContext(UploadContext);
  const { hint } = options as { hint?: FieldHint };
  const [state, setState] = useState<{ text: string; failed: boolean }>({ text: '', failed: false });
  const [preview, setPreview] = useState<{ source: string; value: string } | null>(null);
  const [over, setOver] = useState(false);
  const picker = useId();
  const kind = hint?.kind ?? 'file';

  const take = async (file: File | undefined) => {
    if (!file) return;
    if (hint?.maxBytes && file.size > hint.maxBytes) {
      setState({
        text: l10n.t('{0} has {1}; the app takes {2}.', file.name, mebibytes(file.size), mebibytes(hint.maxBytes)),
        failed: true,
      });
      return;
    }
    setState({ text: l10n.t('Uploading {0}…', file.name), failed: false });
    try {
      // `bytes` of a realtime message go in it, not by a URL.
      const taken = schema.format === 'binary' ? await dataUri(file) : await upload(file);
      onChange(taken);
      setState({ text: `${file.name}, ${mebibytes(file.size)}`, failed: false });
      setPreview(kind === 'image' ? { source: URL.createObjectURL(file), value: taken } : null);
    } catch (error) {
      setState({ text: error instanceof Error ? error.message : String(error), failed: true });
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };

  const text = typeof value === 'string' ? value : '';
  return (
    <section
      className={`drop${over ? ' over' : ''}`}
      aria-label={l10n.t('{0}: file', label)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div className="row nowrap">
        <input
          id={id}
          type="text"
          value={text.startsWith('data:') ? `${text.slice(0, 40)}…` : text}
          readOnly={text.startsWith('data:')}
          required={required}
          disabled={disabled}
          placeholder={l10n.t('URL, or a file')}
          onChange={({ target }) => onChange(target.value === '' ? undefined : target.value)}
        />
        <label className="button" htmlFor={picker}>
          {l10n.t('Choose File…')}
          <input
            id={picker}
            className="sr-only"
            type="file"
            aria-label={l10n.t('Choose a file for {0}', label)}
            accept={ACCEPT[kind]}
            onChange={({ target }) => void take(target.files?.[0])}
          />
        </label>
      </div>
      <div className="muted small">
        {hint && hint.limits.length > 0
          ? l10n.t('Drop a file here with Shift held; {0}.', hint.limits.join(', '))
          : l10n.t('Drop a file here with Shift held.')}
      </div>
      <output className={state.failed ? 'error' : 'muted'}>{state.text}</output>
      {preview && preview.value === value && (
        <img className="thumb" src={preview.source} alt={l10n.t('Preview of {0}', label)} />
      )}
    </section>
  );
}

const mebibytes = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function dataUri(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error(l10n.t('{0} cannot be read', file.name)));
    reader.readAsDataURL(file);
  });
}

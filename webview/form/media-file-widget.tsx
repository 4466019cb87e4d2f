import type { WidgetProps } from '@rjsf/utils';
import { createContext, type DragEvent, useContext, useId, useState } from 'react';
import type { FieldHint } from '../../emulator/contract/playground.ts';

/** Puts a file where the app can fetch it; resolves with its URL. */
export type Upload = (file: File) => Promise<string>;

export const UploadContext = createContext<Upload>(() => Promise.reject(new Error('Files cannot be uploaded here.')));

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
        text: `${file.name} has ${mebibytes(file.size)}; the app takes ${mebibytes(hint.maxBytes)}.`,
        failed: true,
      });
      return;
    }
    setState({ text: `Uploading ${file.name}…`, failed: false });
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
      aria-label={`${label}: file`}
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
          placeholder="URL, or a file"
          onChange={({ target }) => onChange(target.value === '' ? undefined : target.value)}
        />
        <label className="button" htmlFor={picker}>
          Choose File…
          <input
            id={picker}
            className="sr-only"
            type="file"
            aria-label={`Choose a file for ${label}`}
            accept={ACCEPT[kind]}
            onChange={({ target }) => void take(target.files?.[0])}
          />
        </label>
      </div>
      <div className="muted small">
        Drop a file here with Shift held{hint && hint.limits.length > 0 ? `; ${hint.limits.join(', ')}` : ''}.
      </div>
      <output className={state.failed ? 'error' : 'muted'}>{state.text}</output>
      {preview && preview.value === value && <img className="thumb" src={preview.source} alt={`Preview of ${label}`} />}
    </section>
  );
}

const mebibytes = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function dataUri(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
}

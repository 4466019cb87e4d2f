import * as l10n from '@vscode/l10n';
import type { MediaItem } from '../../emulator/contract/playground.ts';
import type { RunActions } from './run-view.tsx';

/** Files of an answer as what they are. */
export function MediaGallery(props: { items: MediaItem[]; sources: ReadonlyMap<string, string>; actions: RunActions }) {
  const { items, sources, actions } = props;
  if (items.length === 0) return null;
  return (
    <div className="gallery">
      {items.map((item) => (
        <figure key={item.url}>
          <Shown item={item} source={sources.get(item.url) ?? null} />
          <figcaption className="row">
            <span className="muted">
              {item.name}
              {item.bytes === null ? '' : ` · ${sizeText(item.bytes)}`}
              {item.withheld ? ` · ${item.withheld}` : ''}
            </span>
            {actions.saveMedia && (
              <button type="button" className="link" onClick={() => actions.saveMedia?.(item.url)}>
                {l10n.t('Save…')}
              </button>
            )}
            {!item.url.startsWith('data:') && (
              <button type="button" className="link" onClick={() => actions.copy(item.url)}>
                {l10n.t('Copy URL')}
              </button>
            )}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

function Shown({ item, source }: { item: MediaItem; source: string | null }) {
  if (source === null) return null;
  switch (item.kind) {
    case 'image':
      return <img src={source} alt={item.name} />;
    case 'video':
      return (
        <video src={source} controls aria-label={item.name}>
          <track kind="captions" />
        </video>
      );
    case 'audio':
      return (
        <audio src={source} controls aria-label={item.name}>
          <track kind="captions" />
        </audio>
      );
    case 'file':
      return null;
  }
}

const sizeText = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

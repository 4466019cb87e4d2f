import * as vscode from 'vscode';
import { type MediaItem, toWindtunnelError } from '../../../emulator/contract/index.ts';
import { mediaIn, type NamedMedia } from '../../core/playground/media.ts';
import { fileBytes, fileSize, localAddress, MAX_SHOWN_BYTES } from './file-transfer.ts';

/** The files that an answer names; `show` gets the bytes of those that a page can show. */
export async function outputMedia(
  output: unknown,
  emulator: string,
  show: (media: NamedMedia, bytes: Uint8Array) => void,
): Promise<MediaItem[]> {
  const items: MediaItem[] = [];
  for (const media of mediaIn(output)) items.push(await item(media, emulator, show));
  return items;
}

async function item(
  media: NamedMedia,
  emulator: string,
  show: (media: NamedMedia, bytes: Uint8Array) => void,
): Promise<MediaItem> {
  const withheld = (reason: string, bytes: number | null = null): MediaItem => ({ ...media, bytes, withheld: reason });
  try {
    const isData = media.url.startsWith('data:');
    const address = isData ? media.url : localAddress(media.url, emulator);
    if (address === null) return withheld(vscode.l10n.t('not a file of this emulator'));
    const size = isData ? null : await fileSize(address);
    if (size !== null && size > MAX_SHOWN_BYTES) return withheld(vscode.l10n.t('too large to show'), size);
    // A file of no kind that a page shows is only named; its bytes come when it is saved.
    if (media.kind === 'file') return { ...media, bytes: size, withheld: null };
    const bytes = await fileBytes(media.url, emulator);
    show(media, bytes);
    return { ...media, bytes: bytes.length, withheld: null };
  } catch (thrown) {
    return withheld(toWindtunnelError(thrown).message);
  }
}

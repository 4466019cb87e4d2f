import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { WindtunnelError } from '../../contract/index.ts';

/** Makes a folder that is this user's alone. Throws where it is another's, or a link: nothing in it may be believed. */
export function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  // /tmp is everybody's: another user may have made the folder first, or put a link in its place.
  const mine = stat.isDirectory() && (process.getuid === undefined || stat.uid === process.getuid());
  if (!mine) {
    throw new WindtunnelError('E_INTERNAL', `The folder for sockets is not yours alone: ${folder}`, {
      hint: 'Set XDG_RUNTIME_DIR to a folder of your own.',
    });
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

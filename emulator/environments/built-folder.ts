import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, utimesSync, writeSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';

/** What is written last into an environment's folder: without it nothing in there counts. */
const MarkerSchema = z.object({
  /** Name of the sub-folder with the virtual environment. */
  folder: z.string(),
  python: z.string(),
  pythonVersion: z.string(),
  falVersion: z.string(),
  layers: z.array(z.array(z.string())),
  /** ms since the epoch. */
  builtAt: z.number(),
});
export type Marker = z.infer<typeof MarkerSchema>;

const NAME = 'complete.json';

/** The marker of a finished environment whose interpreter still works by its links, else null. */
export function readMarker(home: string): Marker | null {
  let text: string;
  try {
    text = readFileSync(path.join(home, NAME), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const marker = parse(text);
  // existsSync follows links: an environment whose base Python was removed is rebuilt.
  return marker && existsSync(pythonOf(home, marker)) ? marker : null;
}

/** Makes the environment count, atomically and after a crash of the machine too. */
export function writeMarker(home: string, marker: Marker): void {
  const temporary = path.join(home, `${NAME}.${marker.folder}`);
  const fd = openSync(temporary, 'w');
  try {
    writeSync(fd, JSON.stringify(marker, null, 2));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path.join(home, NAME));
  const folder = openSync(home, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Notes the use, for `clean` to tell what has not been used for long. `at` in ms since the epoch. */
export function touchMarker(home: string, at: number): void {
  utimesSync(path.join(home, NAME), at / 1000, at / 1000);
}

export const pythonOf = (home: string, marker: Marker): string => path.join(home, marker.folder, 'bin', 'python');

export const markerPath = (home: string): string => path.join(home, NAME);

function parse(text: string): Marker | null {
  try {
    const result = z.safeParse(MarkerSchema, JSON.parse(text));
    return result.success ? result.data : null;
  } catch (error) {
    // A marker is renamed into place whole: one that is cut was damaged later, and the environment is built again.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

import { join } from 'node:path';

/** The SQLite file of a state folder; `-wal` beside it belongs to it. */
export const databasePath = (dir: string): string => join(dir, 'state.db');

/** Folder of the bodies that are too large for rows. */
export const bodiesPath = (dir: string): string => join(dir, 'bodies');

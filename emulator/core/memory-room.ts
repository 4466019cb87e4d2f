export interface RoomQuestion {
  /** What the machine can give without swapping, in bytes. */
  freeBytes: number;
  totalBytes: number;
  /** Limit of the machine type. */
  limitBytes: number;
  /** Largest resident memory seen of this app's runners, null before the first. */
  seenBytes: number | null;
}

/** Kept free for everything else on a developer's machine. */
const RESERVE_SHARE = 0.1;
/** A fresh runner may come to hold more than the last one did. */
const GROWTH = 1.25;

/**
 * Whether one more runner fits beside those that run. What the app really took counts before its machine type: a type is
 * a limit, and most apps on `L` would never fit a laptop by its 15 GB.
 */
export function hasRoom(q: RoomQuestion): boolean {
  const need = q.seenBytes === null ? q.limitBytes : Math.min(q.seenBytes * GROWTH, q.limitBytes);
  return q.freeBytes - need >= q.totalBytes * RESERVE_SHARE;
}

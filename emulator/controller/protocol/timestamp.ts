const SECOND = 1000;
const NANOS = 1_000_000;

/** Milliseconds since the epoch as google.protobuf.Timestamp. */
export function toTimestamp(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / SECOND);
  return { seconds, nanos: Math.round((ms - seconds * SECOND) * NANOS) };
}

/** A decoded Timestamp as milliseconds since the epoch. */
export function fromTimestamp(timestamp: { seconds?: number | undefined; nanos?: number | undefined }): number {
  return (timestamp.seconds ?? 0) * SECOND + (timestamp.nanos ?? 0) / NANOS;
}

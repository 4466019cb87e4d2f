const KiB = 1024;
const MiB = 1024 * KiB;

/** Every limit of the emulator in one place; documented in docs/limits.md with what happens past each. Bytes unless named. */
export const LIMITS = {
  /** Request and status line plus headers of one request; past it 431. fal documents 16 KB for response headers. */
  headerBytes: 16 * KiB,
  /** Input of one queue or direct request; past it 413. */
  bodyBytes: 512 * MiB,
  /** Inputs and results over this are kept in files, synced before the commit, never in rows. */
  inlineBodyBytes: 1 * MiB,
  /** Result body of one queued request; past it the request ends with 500 and says so. */
  resultBytes: 512 * MiB,
  /** One uploaded file (all its parts together); past it 413. */
  uploadBytes: 8 * 1024 * MiB,
  /** Input and output of one request, each, in its record; past it the record names the size only. */
  recordBodyBytes: 1 * MiB,
  /** Result in the body of a webhook; past it `payload` is null and `payload_error` says so. */
  webhookPayloadBytes: 32 * MiB,
  /** One value of the key-value store; past it 413. As Cloudflare Workers KV, whose least `ttl` fal's has too; fal names none. */
  kvValueBytes: 25 * MiB,
  /** One key of the key-value store; past it 414. As Cloudflare Workers KV. */
  kvKeyBytes: 512,
  /** Inputs of all requests that wait, in bytes; past it submit answers 429. */
  queuedBytes: 4 * 1024 * MiB,
  /** Requests that wait in one app's queue; past it submit answers 429. */
  queuedRequests: 1_000_000,
  /** Log text of one request; past it one line says how much was dropped. */
  logBytesPerRequest: 4 * MiB,
  /** One log line; the rest of a longer one is cut with a mark. */
  logLineBytes: 16 * KiB,
  /** Log text of one runner outside requests, kept as a ring. */
  logBytesPerRunner: 4 * MiB,
  /** One frame on the link; past it the link is broken with E_LINK_PROTOCOL. */
  frameBytes: 1 * MiB,
  /** Streams open at once on one link; past it a new one is reset. */
  linkStreams: 4096,
  /** Attempts of one request in all (fal: at most 10). */
  attempts: 10,
  /** Direct calls that wait for a slot of one app; past it 429. */
  directWaiters: 10_000,
  /** Calls of one HTTP-over-WebSocket connection that are not answered; past it no more is read from it until one is. */
  wsCallsInFlight: 64,
  /** One message of an HTTP-over-WebSocket connection, and all of one that wait for a slot; past it the close code 1009. */
  wsMessageBytes: 64 * MiB,
  /** Seconds without a byte of a body that was announced; past it 408 and the connection is closed. */
  bodyIdleSeconds: 120,
  /** Files that the COPY and ADD of a ContainerImage's Dockerfile take from its context, together; past it the build is refused. */
  buildContextBytes: 4 * 1024 * MiB,
  /** Connections to the public port. */
  connections: 10_000,
} as const;

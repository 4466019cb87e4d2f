import protobuf from 'protobufjs';
import * as z from 'zod/mini';

// The part of moby.buildkit.v1.StatusResponse (api/services/control/control.proto) that is shown.
const { root } = protobuf.parse(`syntax = "proto3";
message StatusResponse { repeated Vertex vertexes = 1; repeated VertexStatus statuses = 2; repeated VertexLog logs = 3; }
message Vertex { string digest = 1; string name = 3; bool cached = 4; Time started = 5; Time completed = 6; string error = 7; }
message VertexStatus { string ID = 1; string vertex = 2; string name = 3; int64 current = 4; int64 total = 5; }
message VertexLog { string vertex = 1; bytes msg = 4; }
message Time { int64 seconds = 1; }`);
const StatusResponse = root.lookupType('StatusResponse');

const StatusSchema = z.object({
  vertexes: z._default(
    z.array(
      z.object({
        digest: z.string(),
        name: z._default(z.string(), ''),
        cached: z.optional(z.boolean()),
        started: z.optional(z.unknown()),
        error: z.optional(z.string()),
      }),
    ),
    [],
  ),
  statuses: z._default(
    z.array(
      z.object({
        ID: z._default(z.string(), ''),
        name: z._default(z.string(), ''),
        current: z._default(z.number(), 0),
        total: z._default(z.number(), 0),
      }),
    ),
    [],
  ),
  logs: z._default(z.array(z.object({ vertex: z.string(), msg: z.instanceof(Uint8Array) })), []),
});

/** An event of a build, of either builder. */
export const BuildEventSchema = z.object({
  stream: z.optional(z.string()),
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  progress: z.optional(z.string()),
  error: z.optional(z.string()),
  aux: z.optional(z.unknown()),
});
export type BuildEvent = z.infer<typeof BuildEventSchema>;

const OUTPUT_LINES = 200;
/** A layer that comes is told again after so much of it. */
const PULL_STEP = 0.25;
/** Smaller than this (bytes) it is not told at all. */
const PULL_LEAST = 5_000_000;

/** Turns the events of a build into lines for a person, and remembers what a failed step printed. */
export class BuildProgress {
  private readonly onLine: (line: string) => void;
  private readonly named = new Map<string, string>();
  private readonly output = new Map<string, string[]>();
  /** Of each step, the line that is not over yet. */
  private readonly rests = new Map<string, string>();
  private readonly pulled = new Map<string, number>();
  private classicStep = '';
  private failed: { digest: string; reason: string } | null = null;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  /** The step that failed and what it printed; null where none has. */
  failure(): { step: string; output: string } | null {
    const digest = this.failed?.digest ?? this.classicStep;
    const name = this.named.get(digest);
    if (name === undefined) return null;
    const lines = [...(this.output.get(digest) ?? []), this.rests.get(digest) ?? ''];
    return { step: name, output: lines.join('\n').trimEnd() };
  }

  take(event: BuildEvent): void {
    if (event.id === 'moby.buildkit.trace' && typeof event.aux === 'string') this.trace(event.aux);
    else if (event.stream !== undefined) this.classic(event.stream);
    else if (event.status !== undefined && event.id !== undefined && event.progress) {
      this.onLine(`${event.id} ${event.status} ${event.progress}`);
    }
  }

  private trace(base64: string): void {
    const message = StatusResponse.decode(Buffer.from(base64, 'base64'));
    const status = z.parse(StatusSchema, StatusResponse.toObject(message, { longs: Number }));
    for (const { digest, name, cached, started, error } of status.vertexes) {
      const title = titleOf(name);
      if (!this.named.has(digest) && (started !== undefined || cached)) {
        this.named.set(digest, title);
        if (!/^\[internal\]|^resolve image config/.test(name)) this.onLine(cached ? `${title} (cached)` : title);
      }
      if (error) {
        this.named.set(digest, title);
        // The others fail because one did: "context canceled".
        if (!/context canceled/.test(error)) this.failed ??= { digest, reason: error };
      }
    }
    for (const { ID, name, current, total } of status.statuses) this.pull(name || ID, current, total);
    for (const { vertex, msg } of status.logs) this.print(vertex, Buffer.from(msg).toString());
  }

  private classic(text: string): void {
    // "Step 1/2 : RUN true" of Docker, "STEP 1/2: RUN true" of Podman.
    const step = /^Step \d+\/\d+ ?: (.*)/i.exec(text);
    if (step) {
      this.classicStep = text.trim();
      this.named.set(this.classicStep, titleOf(step[1] ?? ''));
      this.onLine(titleOf(step[1] ?? ''));
    } else this.print(this.classicStep, text);
  }

  /** Output comes in pieces of lines. */
  private print(step: string, text: string): void {
    const lines = ((this.rests.get(step) ?? '') + text).split(/[\r\n]+/);
    this.rests.set(step, lines.pop() ?? '');
    for (const line of lines) {
      if (line.trim() === '') continue;
      this.keep(step, line);
      this.onLine(line);
    }
  }

  private keep(step: string, line: string): void {
    const kept = this.output.get(step) ?? [];
    this.output.set(step, kept);
    kept.push(line);
    if (kept.length > OUTPUT_LINES) kept.shift();
  }

  private pull(name: string, current: number, total: number): void {
    if (total < PULL_LEAST) return;
    const part = Math.floor(current / total / PULL_STEP) * PULL_STEP;
    if ((this.pulled.get(name) ?? -1) >= part) return;
    this.pulled.set(name, part);
    this.onLine(`${name.slice(0, 24)} ${Math.round(part * 100)} % of ${Math.round(total / 1e6)} MB`);
  }
}

/** Our own steps by what they do, not by how. */
function titleOf(name: string): string {
  const words = /"\/tmp\/windtunnel-install\.sh","(\w+)"(?:,"\d+","((?:[^"\\]|\\.)*)")?/.exec(name);
  if (words?.[1] === 'layer') return (words[2] ?? 'Installing').replace(/ \([0-9a-f]{12}\)$/, '');
  if (words?.[1] === 'python') return 'Making the Python environment';
  if (words?.[1] === 'system') return 'Looking for system libraries';
  // What a secret or build argument was given to shows as in the Dockerfile; mounts are noise.
  return name.replace(/ --mount=\S+/g, '');
}

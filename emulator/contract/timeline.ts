import * as z from 'zod/mini';
import type { EmulatorEvent } from './events.ts';
import type { PlaygroundRun } from './playground.ts';
import type { RequestSummary } from './record.ts';

/** What passes between the timeline's page and the extension. */

/** Memory of a runner in bytes, and of its GPUs together; null where it cannot be told. */
export interface RunnerMemory {
  bytes: number | null;
  /** Null: it holds none. */
  gpu: { ids: string[]; used: number | null; total: number | null } | null;
}

/** To the page. `events` come in the order in which they happened. */
export type ToTimeline =
  | { type: 'reset'; workspace: string }
  /** Queued requests of before, newest first. */
  | { type: 'recorded'; requests: RequestSummary[] }
  | { type: 'events'; events: EmulatorEvent[] }
  /** What each runner holds now, by its id. */
  | { type: 'memory'; runners: ({ id: string } & RunnerMemory)[] }
  | { type: 'detail'; run: PlaygroundRun }
  /** It becomes the selected one, once its events have come. */
  | { type: 'select'; request: string }
  /** No emulator runs; what is shown is of before. */
  | { type: 'ended' };

/** To the extension. */
export const FromTimelineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('detail'), request: z.string() }),
  z.object({ type: z.literal('replay'), request: z.string() }),
  z.object({ type: z.literal('openInPlayground'), request: z.string() }),
  z.object({ type: z.literal('copyText'), text: z.string() }),
]);
export type FromTimeline = z.infer<typeof FromTimelineSchema>;

import path from 'node:path';
import * as z from 'zod/mini';
import { type SourcePlace, withoutCommonEnd } from '../../emulator/contract/index.ts';
import type { ProtocolMessage } from './dap-rewrite.ts';

/** A breakpoint that the debugger has not taken, with what it says about it. */
export interface UnboundBreakpoint {
  file: string;
  line: number;
  message: string;
}

/** Why a breakpoint is not hit, and what would mend it. */
export type BreakpointFinding = UnboundBreakpoint &
  (
    | { cause: 'elsewhere'; loaded: string; mapping: SourcePlace }
    | { cause: 'library' }
    /** The app has imported no file of that name. */
    | { cause: 'not-loaded' }
  );

const SetSchema = z.object({ source: z.object({ path: z.string() }) });
const BreakpointSchema = z.object({
  id: z.optional(z.number()),
  verified: z.boolean(),
  line: z.optional(z.number()),
  message: z.optional(z.string()),
});
const AnswerSchema = z.object({ breakpoints: z.array(BreakpointSchema) });
const EventSchema = z.object({ breakpoint: BreakpointSchema });
type State = z.infer<typeof BreakpointSchema>;

/** What a debug session's messages tell of its breakpoints. */
export class BreakpointStates {
  private readonly asked = new Map<number, string>();
  private readonly files = new Map<string, State[]>();

  toAdapter({ command, seq, arguments: given }: ProtocolMessage): void {
    const parsed = command === 'setBreakpoints' ? z.safeParse(SetSchema, given) : null;
    if (parsed?.success) this.asked.set(seq, parsed.data.source.path);
  }

  toEditor({ type, event, body, request_seq: asked = -1 }: ProtocolMessage): void {
    const file = this.asked.get(asked);
    if (type === 'response' && file !== undefined) {
      const answer = z.safeParse(AnswerSchema, body);
      if (answer.success) this.files.set(file, answer.data.breakpoints);
    }
    const changed = type === 'event' && event === 'breakpoint' ? z.safeParse(EventSchema, body) : null;
    if (changed?.success) this.change(changed.data.breakpoint);
  }

  unbound(): UnboundBreakpoint[] {
    return [...this.files].flatMap(([file, states]) =>
      states.flatMap(({ verified, line = 0, message = '' }) => (verified ? [] : [{ file, line, message }])),
    );
  }

  private change(changed: State): void {
    for (const states of this.files.values()) {
      const index = states.findIndex(({ id }) => id !== undefined && id === changed.id);
      if (index >= 0) states[index] = { ...states[index], ...changed };
    }
  }
}

/** Python for the paths of all modules whose file has one of these names, as a JSON array. */
export function loadedFilesExpression(breakpoints: readonly UnboundBreakpoint[]): string {
  const names = [...new Set(breakpoints.map(({ file }) => path.basename(file)))];
  const files = "getattr(m, '__file__', None) or ''";
  const modules = "list(__import__('sys').modules.values())";
  const wanted = `__import__('os').path.basename(${files}) in ${JSON.stringify(names)}`;
  return `__import__('json').dumps(sorted({${files} for m in ${modules} if ${wanted}}))`;
}

/** Installed packages and the standard library have files of any name. */
const INSTALLED = /\/(site-packages|dist-packages)\/|\/lib\/python3[^/]*\//;

/** Compares where the breakpoints are with what the runner has loaded. */
export function diagnose(breakpoints: readonly UnboundBreakpoint[], loaded: readonly string[]): BreakpointFinding[] {
  return breakpoints.map((breakpoint): BreakpointFinding => {
    if (/justMyCode/.test(breakpoint.message)) return { ...breakpoint, cause: 'library' };
    const { file } = breakpoint;
    const [best] = loaded
      .filter((one) => path.posix.basename(one) === path.basename(file) && !INSTALLED.test(one))
      .toSorted((a, b) => commonEnd(file, b) - commonEnd(file, a));
    if (best === undefined) return { ...breakpoint, cause: 'not-loaded' };
    const folder = path.posix.dirname(best);
    // The very same path is there: a mapping leads away from it.
    const mapping = best === file ? { localRoot: folder, remoteRoot: folder } : withoutCommonEnd(file, best);
    return { ...breakpoint, cause: 'elsewhere', loaded: best, mapping };
  });
}

/** How many of the last segments are the same. */
function commonEnd(one: string, other: string): number {
  const [ours, theirs] = [one.split('/').reverse(), other.split('/').reverse()];
  const differs = ours.findIndex((segment, index) => segment !== theirs[index]);
  return differs < 0 ? ours.length : differs;
}

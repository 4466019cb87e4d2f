import * as z from 'zod/mini';

/** OK: exact. CHECK: converted, may behave differently. TODO: left to a person, marked in the code. BLOCKED: not converted. */
export const LevelSchema = z.enum(['OK', 'CHECK', 'TODO', 'BLOCKED']);
export type Level = z.infer<typeof LevelSchema>;

/** A place in a file, relative to the imported folder or to the output folder. Lines count from 1. */
export const PlaceSchema = z.object({ file: z.string(), line: z.number() });
export type Place = z.infer<typeof PlaceSchema>;

export const FindingSchema = z.object({
  /** Stable: `F` and three digits, the same for the same reason. */
  code: z.string(),
  level: LevelSchema,
  source: z.nullable(PlaceSchema),
  /** The original text, cut to its first line. */
  text: z.string(),
  target: z.nullable(PlaceSchema),
  reason: z.string(),
  next: z.string(),
});
export type Finding = z.infer<typeof FindingSchema>;

/** One thing of the source and what became of it. `reported` items have a finding at the same place. */
export const ItemSchema = z.object({
  kind: z.enum(['statement', 'option', 'docker', 'requirement', 'setting', 'file']),
  source: PlaceSchema,
  text: z.string(),
  outcome: z.enum(['kept', 'mapped', 'reported']),
});
export type Item = z.infer<typeof ItemSchema>;

export const ImportReportSchema = z.object({
  version: z.literal(1),
  platform: z.enum(['modal', 'runpod', 'cog']),
  app: z.string(),
  entry: z.string(),
  /** Files of the output, and what each is. */
  files: z.array(z.object({ path: z.string(), origin: z.enum(['converted', 'written', 'copied']) })),
  levels: z.object({ OK: z.number(), CHECK: z.number(), TODO: z.number(), BLOCKED: z.number() }),
  items: z.array(ItemSchema),
  findings: z.array(FindingSchema),
  /** Names only: values are never read into a report. */
  secrets: z.array(z.object({ name: z.string(), source: PlaceSchema, command: z.string() })),
  /** Folders that live on a volume at the source, and where they are at fal. */
  volumes: z.array(z.object({ from: z.string(), to: z.string(), next: z.string() })),
});
/** What `windtunnel import --report` writes. */
export type ImportReport = z.infer<typeof ImportReportSchema>;

/** JSON schema of what `--report` writes: a report, or one for each app of a folder. */
export function reportJsonSchema(): string {
  const schema = z.toJSONSchema(z.union([ImportReportSchema, z.array(ImportReportSchema)]), {
    target: 'draft-7',
    reused: 'ref',
  });
  return `${JSON.stringify({ title: 'Report of windtunnel import', ...schema }, null, 2)}\n`;
}

/** What each mark that an import leaves in the code begins with. */
export const MARK = 'TODO(fal-import)';

/** The mark that a finding of level TODO leaves in the code. */
export const mark = (code: string): string => `${MARK}: ${code}`;

/** First line of a source text, short enough for a table. */
export function quote(text: string): string {
  const line = text.trim().split('\n', 1)[0]!.trim();
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
}

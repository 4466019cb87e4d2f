import * as z from 'zod/mini';

/** A GPU that runners can have. */
export const GpuCardSchema = z.object({
  /** A UUID, an index or a CDI name (`nvidia.com/gpu=0`); the same for every engine that reaches this card. */
  id: z.string(),
  name: z.string(),
  /** Null where it cannot be told: such a card is taken for large enough. */
  vramBytes: z.nullable(z.number()),
  /** Its number on this machine, where that is another than the id. */
  index: z.exactOptional(z.number()),
});
export type GpuCard = z.infer<typeof GpuCardSchema>;

/**
 * What the cards that an engine reaches are to a demand: `fits`; `unknown`, as many, and their memory cannot be told; `small`, as
 * many, and too few with that memory; `few`, not so many; `none` at all, so that the app runs on the CPU.
 */
export const GpuFitSchema = z.enum(['fits', 'unknown', 'small', 'few', 'none']);
export type GpuFit = z.infer<typeof GpuFitSchema>;

/** What one machine type of an app's list asks for. */
export const GpuDemandSchema = z.object({
  /** Machine type, as written. */
  machine: z.string(),
  /** 0 for a machine without a GPU. */
  count: z.number(),
  /** Of each card, by the machine type; 0 where the name says nothing of it. */
  vramBytes: z.number(),
});
export type GpuDemand = z.infer<typeof GpuDemandSchema>;

/** A card, who reaches it, and who has it. */
export const GpuUseSchema = z.extend(GpuCardSchema, {
  engines: z.array(z.enum(['process', 'docker'])),
  /** Ids of the runners that have it: one, unless sharing was asked for. */
  runners: z.array(z.string()),
});
export type GpuUse = z.infer<typeof GpuUseSchema>;

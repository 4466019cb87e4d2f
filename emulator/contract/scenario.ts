import * as z from 'zod/mini';

const seconds = (what: string) => z.number().check(z.minimum(0), z.maximum(3600), z.describe(what));

/** What is done to a request, or to the start of a runner. */
export const FaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status').check(z.describe('Answer in place of the app, which never sees the request.')),
    status: z.int().check(z.minimum(200), z.maximum(599)),
    body: z.optional(z.unknown().check(z.describe('JSON. Default: {"detail": "…"}.'))),
    headers: z.optional(z.record(z.string(), z.string())),
  }),
  z.strictObject({
    kind: z
      .literal('delay')
      .check(z.describe('Hold the request back before the app gets it; then go on to the next rule.')),
    seconds: seconds('How long.'),
  }),
  z.strictObject({
    kind: z.literal('kill-runner').check(z.describe('SIGKILL to the runner that has the request.')),
    after: z.optional(seconds('From when the request was sent. Default: 0.')),
  }),
  z.strictObject({
    kind: z.literal('oom').check(z.describe('End the runner as the out-of-memory killer would.')),
    after: z.optional(seconds('From when the request was sent. Default: 0.')),
  }),
  z.strictObject({
    kind: z.literal('drop').check(z.describe('Close the connection to the runner; the app never sees the request.')),
    at: z.optional(
      z.enum(['request', 'answer']).check(z.describe('Before an answer, or in the middle of one. Default: request.')),
    ),
  }),
  z.strictObject({
    kind: z
      .literal('gpu-lost')
      .check(z.describe('Answer as the SDK does when CUDA fails: 503, which ends the runner.')),
  }),
  z.strictObject({
    kind: z.literal('slow-start').check(z.describe('Hold the start of a runner back; startup_timeout counts.')),
    seconds: seconds('How long.'),
  }),
]);
export type Fault = z.infer<typeof FaultSchema>;

export const FaultRuleSchema = z
  .strictObject({
    fault: FaultSchema,
    path: z.optional(
      z.string().check(z.describe('Only requests of this path below the app, e.g. "/train". Default: all.')),
    ),
    rate: z.optional(
      z.number().check(z.gt(0), z.maximum(1), z.describe('This part of the attempts, at random: 0.2 is one in five.')),
    ),
    count: z.optional(z.int().check(z.minimum(1), z.describe('The first so many attempts.'))),
    every: z.optional(z.int().check(z.minimum(1), z.describe('Each so-many-th attempt.'))),
    after: z.optional(
      z.int().check(z.minimum(0), z.describe('Attempts that are let through before it begins. Default: 0.')),
    ),
  })
  .check(
    z.refine(({ rate, count, every }) => [rate, count, every].filter((one) => one !== undefined).length <= 1, {
      message: 'rate, count and every exclude each other',
    }),
  );
export type FaultRule = z.infer<typeof FaultRuleSchema>;

/** A scenario file: rules, tried in their order for each attempt; the first that fits is carried out. */
export const ScenarioSchema = z.strictObject({
  $schema: z.optional(z.string()),
  description: z.optional(z.string()),
  seed: z.optional(z.int().check(z.describe('Of the random choices: the same seed, the same choices. Default: 1.'))),
  rules: z.array(FaultRuleSchema).check(z.minLength(1)),
});
export type Scenario = z.infer<typeof ScenarioSchema>;

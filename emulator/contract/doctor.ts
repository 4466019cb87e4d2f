import * as z from 'zod/mini';

/** One line of `windtunnel doctor`. */
export const DoctorCheckSchema = z.object({
  name: z.string(),
  /** `warn`: something is missing that only some apps need. */
  state: z.enum(['ok', 'warn', 'fail']),
  reason: z.string(),
  fix: z.nullable(z.string()),
});
export type DoctorCheck = z.infer<typeof DoctorCheckSchema>;

/** Of what `windtunnel doctor --json` prints, the checks. */
export const DoctorAnswerSchema = z.object({ checks: z.array(DoctorCheckSchema) });

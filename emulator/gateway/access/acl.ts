import * as z from 'zod/mini';

const DecisionSchema = z.enum(['allow', 'forbid', 'hide']);
export type AclDecision = z.infer<typeof DecisionSchema>;

/** Who may read a file (docs: model-apis/file-access-controls). */
export const AclSchema = z.object({
  default: z.optional(z.nullable(DecisionSchema)),
  rules: z.optional(z.nullable(z.array(z.object({ user: z.string(), decision: DecisionSchema })))),
});
export type Acl = z.infer<typeof AclSchema>;

/** What a reader gets: `owner` always reads; a user by their rule, else as everybody. `user` null: no key was given. */
export function decide(acl: Acl | null, user: string | null, owner: string): AclDecision {
  if (acl === null || user === owner) return 'allow';
  const rule = user === null ? undefined : acl.rules?.find((one) => one.user === user);
  return rule?.decision ?? acl.default ?? 'allow';
}

import { expect, it } from 'vitest';
import { type Acl, type AclDecision, decide } from './acl.ts';

const ACL: Acl = {
  default: 'forbid',
  rules: [
    { user: 'friend', decision: 'allow' },
    { user: 'foe', decision: 'hide' },
  ],
};

it.each<[Acl | null, string | null, AclDecision]>([
  [null, null, 'allow'],
  [{}, null, 'allow'],
  [ACL, null, 'forbid'],
  [ACL, 'somebody', 'forbid'],
  [ACL, 'friend', 'allow'],
  [ACL, 'foe', 'hide'],
  [ACL, 'me', 'allow'],
  [{ default: 'hide' }, 'me', 'allow'],
  [{ default: 'hide', rules: null }, null, 'hide'],
])('%j to %j is %s', (acl, user, decision) => {
  expect(decide(acl, user, 'me')).toBe(decision);
});

import type { HeaderList } from '../../contract/index.ts';
import type { Lease } from '../../fleet/fleet.ts';

const LIFECYCLE = 'x-fal-object-lifecycle-preference';

/** What goes to a runner, as a flat list: what the caller sent, then the platform's own but for a lifecycle that the caller chose. */
export function callHeaders(sent: HeaderList, lease: Lease): string[] {
  const flat: string[] = [];
  let lifecycle = false;
  for (const [name, value] of sent) {
    if (name === LIFECYCLE) lifecycle = true;
    flat.push(name, value);
  }
  for (const [name, value] of lease.headers) {
    if (!(lifecycle && name.toLowerCase() === LIFECYCLE)) flat.push(name, value);
  }
  return flat;
}

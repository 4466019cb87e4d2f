import type { GatewayDeps } from '../deps.ts';
import type { Route } from '../route.ts';
import { PRODUCTION_FILES } from './file-urls.ts';

/** Base of file and upload URLs for this caller (design §3 "File URLs"). */
export function filesBase(route: Route, deps: GatewayDeps): string {
  return route.form === 'production' ? PRODUCTION_FILES : deps.publicUrl();
}

/** URL of a file. */
export function fileUrl(base: string, id: string, name: string): string {
  return `${base}/files/${id}/${name}`;
}

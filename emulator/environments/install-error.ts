import path from 'node:path';
import { WindtunnelError } from '../contract/index.ts';
import { requirementName } from './fal-requirements.ts';

const NO_SPACE = /No space left on device|ENOSPC|os error 28|Disk quota exceeded|os error 122/i;
const NO_NETWORK =
  /Temporary failure in name resolution|Name or service not known|nodename nor servname|dns error|Connection refused|Network is unreachable|tunnel error|ProxyError|CERTIFICATE_VERIFY_FAILED|invalid peer certificate/i;

/** The typed error for an install step that failed; `output` is the resolver's own words. */
export function installError(layer: readonly string[], output: string): WindtunnelError {
  const detail = redactUrls(output).trim();
  if (NO_SPACE.test(output)) return diskFull('the environment was built', detail);
  const culprits = named(layer, output);
  const what = culprits.length > 0 ? culprits.map(redactUrls).join(', ') : `${layer.length} requirements`;
  return new WindtunnelError('E_REQUIREMENTS', `Cannot install ${what}: ${reason(detail)}`, {
    hint: NO_NETWORK.test(output)
      ? 'Check the network, the proxy and CA variables, and the package index.'
      : 'Change the requirements of the app; the detail has what the resolver said.',
    detail,
  });
}

export function diskFull(when: string, detail: string, cause?: unknown): WindtunnelError {
  return new WindtunnelError('E_DISK_FULL', `The disk became full while ${when}.`, {
    hint: 'Free some space (windtunnel clean removes unused environments), then try again.',
    detail,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Any failure of a build step as what a user can act on. */
export function toBuildError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull('the environment was built', String(error), error);
  return error;
}

/** Credentials in URLs are not shown. */
export const redactUrls = (text: string): string => text.replace(/(\w+:\/\/)[^/\s@'"]+@/g, '$1***@');

/** Requirements of the layer that the output names, the ones in its complaint first. */
function named(layer: readonly string[], output: string): string[] {
  const complaint = output
    .split('\n')
    .filter((line) =>
      /No matching distribution|No solution|Because|not found|conflict|Could not find|Failed to build|Invalid|require/i.test(
        line,
      ),
    )
    .join('\n');
  const mentioned = layer.filter((requirement) => mentions(complaint, requirement));
  return mentioned.slice(0, 3);
}

function mentions(text: string, requirement: string): boolean {
  const name = requirementName(requirement);
  if (name === null) return requirement.length > 1 && text.includes(path.basename(requirement.replace(/\[.*$/, '')));
  const pattern = name.split('-').join('[-_.]+');
  return new RegExp(`(^|[^\\w.-])${pattern}($|[^\\w-])`, 'i').test(text);
}

function reason(detail: string): string {
  const lines = detail
    .split('\n')
    .map((line) =>
      line
        .replace(/^[\s×╰─▶├│·]+/, '')
        .replace(/^cause: /, '')
        .trim(),
    )
    .filter((line) => line !== '');
  const telling = lines.find((line) => /^Because/.test(line)) ?? lines.findLast((line) => /^(ERROR|error):/.test(line));
  const line = (telling ?? lines.at(-1) ?? 'the installer gave no reason').replace(/^(ERROR|error): /, '');
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

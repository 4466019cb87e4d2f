import { copyOf, readDockerfile } from '../dockerfile.ts';
import { join } from '../siblings.ts';

/** What the COPY and ADD instructions take from the build context. */
export function copiedSources(dockerText: string): string[] {
  return readDockerfile(dockerText)
    .filter(({ keyword }) => keyword === 'COPY' || keyword === 'ADD')
    .flatMap((at) => copyOf(at)?.from ?? []);
}

/** Whether a file of the folder is taken by the source of a COPY, which may be a folder or a pattern. */
export function matchesSource(source: string, path: string, context: string): boolean {
  if (source === context || source === '' || source === '.' || source === join(context, '.'))
    return path.startsWith(context);
  if (path === source || path.startsWith(`${source}/`)) return true;
  if (!/[*?]/.test(source)) return false;
  const pattern = source
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${pattern}(/|$)`).test(path);
}

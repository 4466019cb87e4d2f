import { existsSync } from 'node:fs';
import path from 'node:path';
import { copyOf, readDockerfile } from '../../import/dockerfile.ts';
import type { LoadedApp } from './fal-project.ts';
import { type Check, ok } from './local-checks.ts';

/** Instructions of the Dockerfile reference. */
const KNOWN = new Set(
  `ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME
  WORKDIR`.split(/\s+/),
);

/** Whether a builder will read the app's Dockerfile, and find what it copies below `folder` or the image's own context. */
export function dockerfileChecks({ image }: LoadedApp, folder: string): Check[] {
  if (image === null) return [];
  const text = typeof image.dockerfile_str === 'string' ? image.dockerfile_str : '';
  const context = typeof image.context_dir === 'string' ? image.context_dir : null;
  const problems = dockerfileProblems(text, (source) =>
    [context, folder].some((base) => base !== null && existsSync(path.resolve(base, source))),
  );
  if (problems.length === 0) return [ok('dockerfile', `${readDockerfile(text).length} instructions`)];
  return problems.map(({ line, message }) => ({ check: 'dockerfile', state: 'error', message, line }));
}

/** What is wrong with a Dockerfile, by its lines. `exists`: whether a source of COPY is there. */
export function dockerfileProblems(
  text: string,
  exists: (source: string) => boolean,
): { line: number; message: string }[] {
  const all = readDockerfile(text);
  const problems: { line: number; message: string }[] = [];
  if (all.length === 0) return [{ line: 1, message: 'The Dockerfile is empty.' }];
  const first = all.find(({ keyword }) => keyword !== 'ARG');
  if (first?.keyword !== 'FROM') {
    problems.push({ line: first?.start ?? 1, message: 'A Dockerfile begins with FROM; only ARG may stand before it.' });
  }
  for (const instruction of all) {
    const { keyword, args, start } = instruction;
    if (!KNOWN.has(keyword)) problems.push({ line: start, message: `Unknown instruction ${keyword}.` });
    else if (args === '') problems.push({ line: start, message: `${keyword} needs an argument.` });
    if (keyword !== 'COPY' && keyword !== 'ADD') continue;
    for (const source of copyOf(instruction)?.from ?? []) {
      if (/[*?[$]|^[a-z]+:\/\/|^git@/i.test(source) || exists(source.replace(/^\/+/, ''))) continue;
      problems.push({ line: start, message: `${keyword} ${source}: there is no such file in the build context.` });
    }
  }
  return problems;
}

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
  return problems.map((problem) => ({ check: 'dockerfile', ...problem }));
}

type Problem = Pick<Check, 'message' | 'hint'> & { state: 'error' | 'warning'; line: number };

/** What is wrong with a Dockerfile, by its lines. `exists`: whether a source of COPY is there. */
export function dockerfileProblems(text: string, exists: (source: string) => boolean): Problem[] {
  const all = readDockerfile(text);
  if (all.length === 0) return [{ state: 'error', line: 1, message: 'The Dockerfile is empty.' }];
  const problems: Problem[] = [];
  const wrong = (line: number, message: string) => problems.push({ state: 'error', line, message });
  const first = all.find(({ keyword }) => keyword !== 'ARG');
  if (first?.keyword !== 'FROM') {
    wrong(first?.start ?? 1, 'A Dockerfile begins with FROM; only ARG may stand before it.');
  }
  for (const instruction of all) {
    const { keyword, args, start } = instruction;
    if (!KNOWN.has(keyword)) wrong(start, `Unknown instruction ${keyword}.`);
    else if (args === '') wrong(start, `${keyword} needs an argument.`);
    if (keyword !== 'COPY' && keyword !== 'ADD') continue;
    const sources = (copyOf(instruction)?.from ?? []).filter((source) => !/^[a-z]+:\/\/|^git@/i.test(source));
    // Source: fal 1.83 container.py, parse_copy_add_sources: its pattern begins at the first column.
    if (sources.length > 0 && /^\s/.test(instruction.text)) {
      problems.push({
        state: 'warning',
        line: start,
        message: `${keyword} is indented: fal does not upload ${sources.join(', ')}, and the build will not find it.`,
        hint: `Begin the line with ${keyword}, or put the text through textwrap.dedent().`,
      });
    }
    for (const source of sources) {
      if (/[*?[$]/.test(source) || exists(source.replace(/^\/+/, ''))) continue;
      wrong(start, `${keyword} ${source}: there is no such file in the build context.`);
    }
  }
  return problems;
}

/** A folder or file as the user has it, and where the runner's Python finds it. Debugpy's own names for the two; absolute. */
export interface SourcePlace {
  localRoot: string;
  remoteRoot: string;
}

/** Both paths up to where they differ: /ws/shared/words.py and /app/shared/words.py are /ws and /app. */
export function withoutCommonEnd(local: string, remote: string): SourcePlace {
  const ours = local.split('/');
  const theirs = remote.split('/');
  while (ours.length > 2 && theirs.length > 2 && ours.at(-1) === theirs.at(-1)) {
    ours.pop();
    theirs.pop();
  }
  return { localRoot: ours.join('/'), remoteRoot: theirs.join('/') };
}

import type Docker from 'dockerode';
import * as z from 'zod/mini';
import type { DaemonFacts } from './daemon-facts.ts';
import { dialJson } from './dial.ts';

const ImageSchema = z.object({
  Config: z.nullish(
    z.object({
      Env: z.nullish(z.array(z.string())),
      User: z.nullish(z.string()),
      WorkingDir: z.nullish(z.string()),
    }),
  ),
});

/** What an image says of how it is run. */
export interface ImageConfig {
  env: Record<string, string>;
  user: string;
  workDir: string;
}

export async function readImage(docker: Docker, image: string, signal: AbortSignal): Promise<ImageConfig> {
  const path = `/images/${encodeURIComponent(image)}/json`;
  const { Config } = await dialJson(docker, { path, schema: ImageSchema, signal });
  const env = (Config?.Env ?? []).map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
  });
  return { env: Object.fromEntries(env), user: Config?.User ?? '', workDir: Config?.WorkingDir || '/' };
}

export interface User {
  uid: number;
  gid: number;
}

const ROOT: User = { uid: 0, gid: 0 };

/**
 * As `me` where the image is ours: what the app leaves in /data is then mine, and nothing in it needs root. An author's own
 * image keeps its user, as in production; `owner` is null for one whose number only the image knows.
 */
export function whoRuns(
  facts: DaemonFacts,
  authored: boolean,
  imageUser: string,
  me: User | null,
): { user: string; owner: User | null } {
  if (authored) return { user: '', owner: imageUser === '' || /^(root|0)(:|$)/.test(imageUser) ? ROOT : null };
  if (!me || me.uid === 0 || facts.rootless || !facts.sharesFiles) return { user: '0:0', owner: ROOT };
  return { user: `${me.uid}:${me.gid}`, owner: me };
}

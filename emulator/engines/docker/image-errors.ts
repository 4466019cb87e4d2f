import { WindtunnelError } from '../../contract/index.ts';

const NO_SPACE = /no space left on device|ENOSPC|disk quota exceeded/i;
const DENIED =
  /pull access denied|unauthorized|authentication required|403 Forbidden|401 Unauthorized|insufficient_scope|incorrect username or password|no basic auth/i;
const NO_IMAGE =
  /failed to resolve source metadata|manifest(?: for \S+)? (?:unknown|not found)|not found: manifest|failed to do request|no such image|failed to load metadata|repository does not exist/i;
const UNREACHABLE =
  /no such host|network is unreachable|connection refused|i\/o timeout|TLS handshake timeout|failed to do request|certificate signed by unknown authority/i;

/**
 * The typed error of a build whose cause is not in a step of its Dockerfile: no base, no login, no room. Null: it is in one. `step`:
 * what the builder did at that moment.
 */
export function buildError(text: string, step = ''): WindtunnelError | null {
  const resolved = /load metadata for (\S+)/.exec(step)?.[1];
  const name = resolved ?? imageIn(text);
  const what = name ? `The image ${name}` : 'The base image';
  if (NO_SPACE.test(text)) {
    return new WindtunnelError('E_DISK_FULL', 'The disk of the Docker daemon became full while the image was built.', {
      hint: 'Free some space: `docker system df` shows what uses it, `docker builder prune` removes build caches.',
      actions: ['docker builder prune'],
      detail: text,
    });
  }
  const about =
    resolved !== undefined || NO_IMAGE.test(text) || DENIED.test(text) || /pulling|resolve|registry/i.test(text);
  if (!about) return null;
  if (DENIED.test(text)) {
    return new WindtunnelError(
      'E_IMAGE_REGISTRY',
      `${what} is refused by its registry, or does not exist: ${lastPart(text)}`,
      {
        hint: 'Log in (`docker login HOST`), or name the login in ContainerImage(registries={…}); and look at the name.',
        detail: text,
      },
    );
  }
  if (UNREACHABLE.test(text)) {
    return new WindtunnelError(
      'E_IMAGE_BASE',
      `${what} cannot be fetched, for its registry is not reached: ${lastPart(text)}`,
      {
        hint: 'Check the network and the proxy of the Docker daemon, or `docker pull` the image first.',
        detail: text,
      },
    );
  }
  if (!NO_IMAGE.test(text) && !/not found/i.test(text)) return null;
  return new WindtunnelError('E_IMAGE_BASE', `${what} does not exist: ${lastPart(text)}`, {
    hint: 'Correct its name or tag after FROM.',
    detail: text,
  });
}

function imageIn(text: string): string | null {
  const found =
    /source metadata for (\S+?):? /.exec(text) ??
    /pull access denied for (\S+?),/.exec(text) ??
    /manifest for (\S+) not found/.exec(text) ??
    asked(text) ??
    /([\w.-]+(?::\d+)?\/[\w./-]+(?::[\w.-]+)?): (?:not found|pulling)/.exec(text);
  return found?.[1] ?? null;
}

/** As it was asked for: `Head "https://HOST/v2/NAME/manifests/TAG": …`, with a digest in the place of a tag. */
function asked(text: string): [string, string] | null {
  const found = /"https?:\/\/([^/"]+)\/v2\/([^"]+)\/manifests\/([^"]+)"/.exec(text);
  if (!found) return null;
  const [all, host = '', name = '', tag = ''] = found;
  const registry = host === 'registry-1.docker.io' ? 'docker.io' : host;
  return [all, `${registry}/${name}${tag.includes(':') ? '@' : ':'}${tag}`];
}

const LONGEST = 240;

/** What it comes down to, without the frames that BuildKit puts around. */
function lastPart(text: string): string {
  const line = (text.trim().split('\n').at(-1) ?? text).replace(
    /^(?:failed to solve(?: with frontend \S+)?: |failed to create LLB definition: |rpc error: code = \w+ desc = )+/,
    '',
  );
  return line.length > LONGEST ? `…${line.slice(-LONGEST)}` : line;
}

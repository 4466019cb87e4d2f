import { WindtunnelError } from '../../contract/index.ts';

const NO_SPACE = /no space left on device|ENOSPC|disk quota exceeded/i;
const DENIED =
  /pull access denied|unauthorized|authentication required|403 Forbidden|401 Unauthorized|insufficient_scope|incorrect username or password|no basic auth/i;
const NO_IMAGE =
  /failed to resolve source metadata|manifest(?: for \S+)? (?:unknown|not found)|not found: manifest|failed to do request|no such image|failed to load metadata|repository does not exist/i;
const UNREACHABLE =
  /no such host|network is unreachable|connection refused|i\/o timeout|TLS handshake timeout|failed to do request|certificate signed by unknown authority/i;

/** The typed error of a build whose cause is not in a step: no base, no login, no room. Null: it is in a step. */
export function buildError(text: string): WindtunnelError | null {
  const name = imageIn(text);
  const what = name ? `The image ${name}` : 'The base image';
  if (NO_SPACE.test(text)) {
    return new WindtunnelError('E_DISK_FULL', 'The disk of the Docker daemon became full while the image was built.', {
      hint: 'Free some space: `docker system df` shows what uses it, `docker builder prune` removes build caches.',
      actions: ['docker builder prune'],
      detail: text,
    });
  }
  const about = NO_IMAGE.test(text) || DENIED.test(text) || /pulling|resolve|registry/i.test(text);
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
    /([\w.-]+(?::\d+)?\/[\w./-]+(?::[\w.-]+)?): (?:not found|pulling)/.exec(text);
  return found?.[1] ?? null;
}

const lastPart = (text: string): string => (text.trim().split('\n').at(-1) ?? text).slice(-200);

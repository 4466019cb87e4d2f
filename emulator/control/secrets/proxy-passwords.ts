const PROXY_VARIABLE = /_proxy$/i;

/** The passwords in an environment's proxy variables, as they are written there and decoded. */
export function proxyPasswords(env: Readonly<Record<string, string | undefined>>): string[] {
  const found = new Set<string>();
  for (const [name, value = ''] of Object.entries(env)) {
    if (!PROXY_VARIABLE.test(name)) continue;
    // Not by URL: a value that is none, say with a bare % or @ in its password, ends up in error messages all the more.
    const written = /^[^:@]*:(.+)@/.exec(value.trim().replace(/^[a-z][a-z0-9+.-]*:\/\//i, ''))?.[1];
    if (written === undefined) continue;
    found.add(written);
    try {
      found.add(decodeURIComponent(written));
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
    }
  }
  return [...found];
}

/** Sources of the COPY and ADD instructions of a Dockerfile that come from the build's context, as written. */
export function copySources(dockerfile: string): string[] {
  const found = new Set<string>();
  for (const line of instructions(dockerfile)) {
    const match = /^(?:COPY|ADD)\s+(.*)$/is.exec(line);
    if (!match) continue;
    let rest = (match[1] ?? '').trim();
    let elsewhere = false;
    for (let flag = /^--([a-z-]+)(=\S*)?\s+/i.exec(rest); flag; flag = /^--([a-z-]+)(=\S*)?\s+/i.exec(rest)) {
      elsewhere ||= flag[1]?.toLowerCase() === 'from';
      rest = rest.slice(flag[0].length);
    }
    if (elsewhere) continue;
    const args = rest.startsWith('[') ? jsonWords(rest) : rest.split(/\s+/);
    for (const source of args.slice(0, -1)) {
      if (!/^([a-z]+:\/\/|git@|<<)/i.test(source)) found.add(source);
    }
  }
  return [...found];
}

/** Instructions with their continued lines joined and comments left out. */
function instructions(dockerfile: string): string[] {
  const joined: string[] = [];
  let open = false;
  for (const line of dockerfile.split('\n')) {
    if (/^\s*#/.test(line)) continue;
    const text = line.trimEnd();
    const body = text.endsWith('\\') ? text.slice(0, -1) : text;
    if (open) joined[joined.length - 1] += ` ${body.trim()}`;
    else joined.push(body.trim());
    open = text.endsWith('\\');
  }
  return joined;
}

function jsonWords(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return []; // The builder says what is wrong with it.
  }
}

export interface Instruction {
  /** Upper case. */
  keyword: string;
  /** Everything after the keyword, continued lines joined with a space. */
  args: string;
  /** Lines that it takes, counted from 1, both included. */
  start: number;
  end: number;
  text: string;
}

/** The instructions of a Dockerfile. Comments and blank lines between them belong to none. */
export function readDockerfile(source: string): Instruction[] {
  const lines = source.split(/\r\n|\n/);
  const continuation = /^#\s*escape\s*=\s*`/im.test(lines[0] ?? '') ? '`' : '\\';
  const found: Instruction[] = [];
  for (let index = 0; index < lines.length; index++) {
    const first = lines[index]!;
    if (/^\s*(#|$)/.test(first)) continue;
    const start = index + 1;
    const parts: string[] = [];
    for (let line = first; ; line = lines[++index]!) {
      const open = line.trimEnd().endsWith(continuation);
      // A comment line inside a continued instruction is not part of it and does not end it.
      if (parts.length === 0 || !/^\s*#/.test(line)) parts.push(open ? line.trimEnd().slice(0, -1) : line);
      const inside = open || (parts.length > 1 && /^\s*#/.test(line)) || (parts.length > 1 && line.trim() === '');
      if (!inside || index + 1 >= lines.length) break;
    }
    for (const [, word] of first.matchAll(/<<-?\s*["']?(\w+)["']?/g)) {
      const close = lines.findIndex((line, at) => at > index && line.trim() === word);
      if (close < 0) break;
      parts.push(...lines.slice(index + 1, close + 1));
      index = close;
    }
    const joined = parts.map((part) => part.trim()).join(' ');
    const match = /^(\w+)\s*([\s\S]*)$/.exec(joined.trim());
    if (!match) continue;
    const text = lines.slice(start - 1, index + 1).join('\n');
    found.push({ keyword: match[1]!.toUpperCase(), args: match[2]!.trim(), start, end: index + 1, text });
  }
  return found;
}

/** Sources and destination of a COPY or ADD, without its flags; null for one that copies from a stage or a heredoc. */
export function copyOf(instruction: Instruction): { from: string[]; to: string } | null {
  if (/^--from=|\s--from=|<</.test(instruction.args)) return null;
  const bare = instruction.args.replace(/(^|\s)--[\w-]+(=\S+)?/g, ' ').trim();
  let words: string[];
  if (bare.startsWith('[')) {
    try {
      words = (JSON.parse(bare) as unknown[]).map(String);
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  } else {
    words = bare.split(/\s+/).map((word) => word.replace(/^["']|["']$/g, ''));
  }
  return words.length < 2 ? null : { from: words.slice(0, -1), to: words.at(-1)! };
}

/** The words of a CMD or ENTRYPOINT, in JSON or shell form. */
export function commandWords(args: string): string[] {
  if (args.trim().startsWith('[')) {
    try {
      return (JSON.parse(args) as unknown[]).map(String);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return args.split(/\s+/).map((word) => word.replace(/^["']|["']$/g, ''));
}

/** Pairs of an ENV or LABEL, in both of its forms. */
export function environmentOf(args: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  if (!/^\w+=/.test(args)) {
    const match = /^(\w+)\s+([\s\S]*)$/.exec(args);
    return match ? { [match[1]!]: match[2]! } : {};
  }
  for (const [, name, quoted, single, plain] of args.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))/g)) {
    pairs[name!] = quoted ?? single ?? plain ?? '';
  }
  return pairs;
}

/** The folder that is current after these instructions, as an absolute path. */
export function workdirAfter(instructions: readonly Instruction[]): string {
  let at = '/';
  for (const { keyword, args } of instructions) {
    if (keyword === 'FROM') at = '/';
    if (keyword === 'WORKDIR') at = absolute(at, args.replace(/^["']|["']$/g, ''));
  }
  return at;
}

/** A path of an image, made absolute against its working folder. */
export function absolute(workdir: string, path: string): string {
  const joined = path.startsWith('/') ? path : `${workdir}/${path}`;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

const DECLARATION = /^(?:\u00EF\u00BB\u00BF)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;

/** A text file taken apart so that it can be put together again byte for byte. */
export interface SourceText {
  /** Newlines as `\n` where the file has one kind of them only. */
  text: string;
  newline: '\n' | '\r\n';
  bom: boolean;
  encoding: 'utf-8' | 'latin1';
}

/** The file's text; a string says why it cannot be read. PEP 263 declarations of UTF-8, ASCII and Latin-1 are honoured. */
export function readSource(bytes: Uint8Array): SourceText | string {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 512)).split(/\r\n|\r|\n/, 2);
  // The second line counts only after one that holds no code.
  const lines = /^[ \t\f]*(#|$)/.test((head[0] ?? '').replace('\u00EF\u00BB\u00BF', '')) ? head : head.slice(0, 1);
  const declared = lines.map((line) => DECLARATION.exec(line)?.[1]).find((name) => name !== undefined);
  const name = (declared ?? 'utf-8').toLowerCase().replaceAll('_', '-');
  const latin = /^(iso-?8859-1|latin-?1|iso-latin-1|l1)$/.test(name);
  if (!latin && !/^(utf-?8|u8|ascii|us-ascii|utf-8-sig)(-unix|-dos|-mac)?$/.test(name)) {
    return `it is declared to be in ${declared}, which is not understood here`;
  }
  let raw: string;
  if (latin) {
    raw = Buffer.from(bytes).toString('latin1');
  } else {
    try {
      raw = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return 'it is not UTF-8 and declares no other encoding';
      throw error;
    }
  }
  if (raw.includes('\0')) return 'it holds NUL bytes';
  const bom = raw.startsWith('\uFEFF');
  if (/ascii/.test(name) && /\P{ASCII}/u.test(bom ? raw.slice(1) : raw))
    return `it is declared to be in ${declared}, and is not`;
  if (latin && raw.startsWith('\u00EF\u00BB\u00BF')) return `it is declared to be in ${declared}, and begins as UTF-8`;
  const body = bom ? raw.slice(1) : raw;
  // A lone \r or a mixture is left as it is: Python reads both, and nothing else could be restored exactly.
  const dos = body.includes('\r\n') && !/(^|[^\r])\n|\r(?!\n)/.test(body);
  return {
    text: dos ? body.replaceAll('\r\n', '\n') : body,
    newline: dos ? '\r\n' : '\n',
    bom,
    encoding: latin ? 'latin1' : 'utf-8',
  };
}

/** The bytes of a changed text in the form of the file that it came from. */
export function writeSource(text: string, form: Omit<SourceText, 'text'>): Uint8Array {
  const lines = form.newline === '\r\n' ? text.replaceAll('\n', '\r\n') : text;
  return Buffer.from(form.bom ? `\uFEFF${lines}` : lines, form.encoding);
}

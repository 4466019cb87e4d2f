// PEP 263: the declaration stands in the first two lines, in a comment.
const DECLARATION = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;

/**
 * Text of a Python file as the interpreter would read it: BOM dropped, declared encoding honoured, newlines as `\n` (so
 * that rows match Python's and the editor's). Bytes that do not fit the encoding become U+FFFD: a finder must not fail.
 */
export function decodeSource(bytes: Uint8Array): string {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 512)).split(/\r\n|\r|\n/, 2);
  const declared = head.map((line) => DECLARATION.exec(line)?.[1]).find((name) => name !== undefined);
  return normalizeNewlines(decoderFor(declared).decode(bytes));
}

/** Newlines as `\n` and no BOM, for text that an editor hands over. */
export function normalizeNewlines(source: string): string {
  return source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
}

function decoderFor(declared: string | undefined): InstanceType<typeof TextDecoder> {
  if (declared === undefined) return new TextDecoder();
  // Python writes `latin-1` and `iso_8859_1` where the web's labels are `latin1` and `iso-8859-1`.
  const name = declared.replaceAll('_', '-').toLowerCase();
  for (const label of [name, name.replace(/^(?:iso-)?latin-/, 'latin')]) {
    try {
      return new TextDecoder(label);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  // A codec that only Python has (`rot13`, `cp037`): what is ASCII in it is mostly still readable as UTF-8.
  return new TextDecoder();
}

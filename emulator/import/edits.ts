/** Replaces `[start, end)` of the original text; equal bounds insert. Offsets in UTF-16 units, as strings count. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** The text with all edits made; what no edit touches stays as it was. An edit inside another one is dropped with it. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  const ordered = edits
    .map((edit, order) => ({ edit, order }))
    .sort((a, b) => a.edit.start - b.edit.start || b.edit.end - a.edit.end || a.order - b.order);
  // Insertions at one place come in the order in which they were asked for, before what replaces the text there.
  ordered.sort((a, b) => {
    if (a.edit.start !== b.edit.start) return a.edit.start - b.edit.start;
    const insertions = Number(a.edit.end !== a.edit.start) - Number(b.edit.end !== b.edit.start);
    return insertions || b.edit.end - a.edit.end || a.order - b.order;
  });
  let result = '';
  let at = 0;
  for (const { edit } of ordered) {
    if (edit.start < at) continue;
    result += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + source.slice(at);
}

/** The edits within a range, moved to offsets of its own text. An insertion at its end belongs to what follows. */
export function editsWithin(edits: readonly Edit[], start: number, end: number): Edit[] {
  return edits
    .filter((edit) => edit.start >= start && edit.start < end && edit.end <= end)
    .map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }));
}

export interface RequirementLine {
  line: number;
  text: string;
  /** `package` in lower case with hyphens; null for options, URLs and blank lines. */
  name: string | null;
}

/** Lines of a requirements file, continued ones joined; comments and blank lines have no name and an empty text. */
export function readRequirements(source: string): RequirementLine[] {
  const found: RequirementLine[] = [];
  const lines = source.split(/\r\n|\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let text = lines[index]!;
    while (text.endsWith('\\') && index + 1 < lines.length) text = text.slice(0, -1) + lines[++index]!;
    text = text.replace(/(^|\s)#.*$/, '').trim();
    found.push({ line, text, name: packageName(text) });
  }
  return found;
}

/** `torch` of `torch[x]>=2; python_version < "3.12"`. */
export function packageName(text: string): string | null {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@(]|$)/.exec(text);
  return match ? match[1]!.toLowerCase().replace(/[._-]+/g, '-') : null;
}

/** An entry as fal's `requirements` list takes it: an option and its value are two items. */
export function requirementItems(text: string): string[] {
  return text.startsWith('-') ? text.split(/[\s=]+(?=\S)/, 2).map((part) => part.trim()) : [text];
}

/** fal pins these to the versions of whoever deploys; an older one in the source cannot be installed beside. */
export function conflictsWithFal(text: string): boolean {
  const name = packageName(text);
  return (
    (name === 'pydantic' && /[<=~]=?\s*1(\.|\b)|<\s*2/.test(text)) || (name === 'fastapi' && /[=~<]=?\s*0\./.test(text))
  );
}

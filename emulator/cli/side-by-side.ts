export interface Pair {
  left: string | null;
  right: string | null;
}

/** Above this many lines a common subsequence is not looked for: each line stands beside that of its number. */
const MOST_LINES = 2000;

/** Two texts line by line: equal lines beside each other, what only one has beside nothing. */
export function alignLines(left: readonly string[], right: readonly string[]): Pair[] {
  if (left.length > MOST_LINES || right.length > MOST_LINES) {
    const count = Math.max(left.length, right.length);
    return Array.from({ length: count }, (_, i) => ({ left: left[i] ?? null, right: right[i] ?? null }));
  }
  const common = commonLengths(left, right);
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i], right[j]];
    if (a !== undefined && a === b) pairs.push({ left: left[i++]!, right: right[j++]! });
    else if (b === undefined || (a !== undefined && common[i + 1]![j]! >= common[i]![j + 1]!))
      pairs.push({ left: left[i++]!, right: null });
    else pairs.push({ left: null, right: right[j++]! });
  }
  return joinChanged(pairs);
}

/** A removed line followed by an added one is a changed one. */
function joinChanged(pairs: readonly Pair[]): Pair[] {
  const joined: Pair[] = [];
  for (const pair of pairs) {
    const open = joined.findLastIndex((one) => one.left !== null && one.right !== null) + 1;
    const place = pair.left === null ? joined.findIndex((one, at) => at >= open && one.right === null) : -1;
    if (place < 0) joined.push({ ...pair });
    else joined[place]!.right = pair.right;
  }
  return joined;
}

function commonLengths(left: readonly string[], right: readonly string[]): Int32Array[] {
  const table = Array.from({ length: left.length + 1 }, () => new Int32Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      table[i]![j] = left[i] === right[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
    }
  }
  return table;
}

/** Two columns of a terminal; `|` marks a line that differs, `<` and `>` one that only one side has. */
export function columns(pairs: readonly Pair[], width: number): string[] {
  const half = Math.max(20, Math.floor((width - 3) / 2));
  return pairs.map(({ left, right }) => {
    const mark = left === null ? '>' : right === null ? '<' : left === right ? ' ' : '|';
    return `${cut(left ?? '', half).padEnd(half)} ${mark} ${cut(right ?? '', half)}`.trimEnd();
  });
}

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

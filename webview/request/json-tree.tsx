import * as l10n from '@vscode/l10n';

const MAX_TEXT = 400;
/** More items than these are shown on demand only. */
const OPEN_ITEMS = 30;

/** JSON as a tree that folds, by the browser's own disclosure, so that the keyboard and screen readers know it. */
export function JsonTree({ value, name, collapsed = false }: { value: unknown; name?: string; collapsed?: boolean }) {
  const label = name === undefined ? null : <span className="key">{name}: </span>;
  if (typeof value !== 'object' || value === null) {
    return (
      <div className="leaf">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const entries = Array.isArray(value)
    ? value.map((item, index) => [String(index), item] as const)
    : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (entries.length === 0) {
    return (
      <div className="leaf">
        {label}
        {Array.isArray(value) ? '[]' : '{}'}
      </div>
    );
  }
  return (
    <details className="json" open={!collapsed && entries.length <= OPEN_ITEMS}>
      <summary>
        {label}
        <span className="muted">
          {size} {summaryOf(entries)}
        </span>
      </summary>
      <div className="inside">
        {entries.map(([key, inner]) => (
          <JsonTree key={key} name={key} value={inner} />
        ))}
      </div>
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  const text = JSON.stringify(value) ?? 'undefined';
  const kind = value === null ? 'null' : typeof value;
  const cut = text.length > MAX_TEXT ? l10n.t('{0}… ({1} characters)', text.slice(0, MAX_TEXT), text.length) : text;
  return <span className={`value ${kind}`}>{cut}</span>;
}

const summaryOf = (entries: readonly (readonly [string, unknown])[]): string =>
  entries
    .slice(0, 4)
    .map(([key]) => key)
    .filter((key) => !/^\d+$/.test(key))
    .join(', ');

import { entriesOf, importApp } from './import-app.ts';
import type { ImportedApp, PlatformName, SourceFolder } from './platform.ts';
import type { PythonParser } from './syntax.ts';

/** One app of a folder that holds several, or the only one. */
export interface ImportedUnit {
  /** Folder of the app in the output; empty for the only one. */
  path: string;
  /** What was imported, as a folder of its own. */
  folder: SourceFolder;
  entry: string;
  /** Null when the importer itself failed: `failure` says how, and the others are not touched by it. */
  app: ImportedApp | null;
  failure: string | null;
}

/** Converts every app of a folder, each by itself. Throws E_IMPORT_NOTHING when there is none. */
export function importFolder(folder: SourceFolder, from: PlatformName | 'auto', parser: PythonParser): ImportedUnit[] {
  const entries = entriesOf(folder, from, parser);
  if (entries.length < 2) {
    const app = importApp(folder, { from, entry: null }, parser);
    return [{ path: '', folder, entry: app.report.entry, app, failure: null }];
  }
  const homes = entries.map(({ entry }) => homeOf(entry));
  const units = entries.map(({ entry, platform }, index): ImportedUnit => {
    const home = homes[index]!;
    const shared = homes.filter((other) => other === home).length > 1;
    const stem = entry
      .slice(home === '' ? 0 : home.length + 1)
      .replace(/\.py$/, '')
      .replaceAll('/', '-');
    const own = part(folder, home, shared ? stem : null);
    const inside = entry.slice(home === '' ? 0 : home.length + 1);
    const path = [home, shared ? stem : ''].filter((name) => name !== '').join('/');
    const unit = { path, folder: own, entry: inside };
    try {
      return { ...unit, app: importApp(own, { from: platform, entry: inside }, parser), failure: null };
    } catch (error) {
      return { ...unit, app: null, failure: error instanceof Error ? error.message : String(error) };
    }
  });
  // A file that only leads to a worker is nothing beside the worker itself.
  const leads = (unit: ImportedUnit): boolean => unit.app?.report.findings.some(({ code }) => code === 'F005') ?? false;
  const own = units.filter((unit) => !leads(unit));
  return own.length > 0 ? own : units;
}

/** The folder that an app's file belongs to: its own, or the one above when that only groups sources. */
function homeOf(entry: string): string {
  const parts = entry.split('/').slice(0, -1);
  if (/^(src|app|source|worker)$/.test(parts.at(-1) ?? '')) parts.pop();
  return parts.join('/');
}

function part(folder: SourceFolder, home: string, stem: string | null): SourceFolder {
  const cut = home === '' ? 0 : home.length + 1;
  const inside = (path: string): boolean => home === '' || path.startsWith(`${home}/`);
  return {
    name: stem ?? (home === '' ? folder.name : home.split('/').at(-1)!),
    files: new Map([...folder.files].filter(([path]) => inside(path)).map(([path, bytes]) => [path.slice(cut), bytes])),
    unread: folder.unread.filter(inside).map((path) => path.slice(cut)),
  };
}

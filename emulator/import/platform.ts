import type { ImportReport } from './report.ts';
import type { PythonParser } from './syntax.ts';

export type PlatformName = 'modal' | 'runpod' | 'cog';

/** The folder to import, as bytes by path with `/`; nothing else of the machine is looked at. */
export interface SourceFolder {
  /** Base name of the folder: what the app is called when nothing else names it. */
  name: string;
  /** Relative paths in order, and the content of those that were read. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Files that were too large to read; named in the report when they are needed. */
  unread: readonly string[];
}

export interface ImportedFile {
  path: string;
  content: Uint8Array;
  /** `copied`: as it was. `converted`: from a file of that name. `written`: new. */
  origin: 'converted' | 'written' | 'copied';
}

export interface ImportedApp {
  /** No files when the report has a BLOCKED finding. */
  files: ImportedFile[];
  report: ImportReport;
  /** Where the platform's callers name functions and classes rather than the whole app. */
  targets?: CallTarget[];
  /** Functions and classes of the source that are served one by one; the check calls each beside its endpoint. */
  served?: ServedUnit[];
  /** What the check calls of the source, where the platform needs more than the file to know it. */
  original?: { symbol: string; streams: 'joined' | 'items' | null };
}

/** Something of the source that other files call, and how they call it at fal. */
export interface CallTarget {
  /** Function or class. */
  unit: string;
  kind: 'function' | 'class';
  /** Name of the source's app; null when it has none. */
  app: string | null;
  /** Python of the object that takes its place, in lines; it uses `Remote`, `RemoteClass` and `FAL_USER`. */
  expression: string;
}

/** A function or class of the source, and where it is served. */
export interface ServedUnit {
  unit: string;
  /** Class of the converted file. */
  symbol: string;
  /**
   * Its endpoints, by the names of its methods; the name of a function's is empty. `names`: of the arguments, null when the
   * one argument is the input itself. No calls: it is a server.
   */
  calls: { method: string; path: string; names: string[] | null }[];
  /** What an object of the class is made with, in each request. */
  parameters: string[];
  /** Folders of volumes, at the source and at fal. */
  mounts: { from: string; to: string }[];
}

/** One way of writing apps that can be read. A new one is a folder beside `runpod/` and a line in `import-app.ts`. */
export interface ImportPlatform {
  name: PlatformName;
  /** Files in which an app of this platform starts, in order of likelihood. */
  detect(folder: SourceFolder, parser: PythonParser): string[];
  /** Converts the app that starts in `entry`. Throws for nothing that stands in the source. */
  convert(folder: SourceFolder, entry: string, parser: PythonParser): ImportedApp;
}

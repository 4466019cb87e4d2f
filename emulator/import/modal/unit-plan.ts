import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import type { SourceFolder } from '../platform.ts';
import type { SyntaxNode } from '../syntax.ts';
import type { PlannedImage } from './environment.ts';
import type { Helper } from './python-helpers.ts';
import type { ModalModule, Unit } from './read-module.ts';
import type { UnitSettings, VolumeMount } from './settings.ts';
import type { Modules } from './write-app.ts';

/** What is known of a unit before its text is written. */
export interface UnitContext {
  unit: Unit;
  settings: UnitSettings;
  image: PlannedImage;
  appName: string;
  module: ModalModule;
  modules: Modules;
  folder: SourceFolder;
  file: string;
  text: string;
  ledger: Ledger;
  free(name: string): string;
  helpers: Set<Helper>;
  /** Modules of the standard library that the generated code uses. */
  standard: Set<string>;
  /** First lines of setup: the environment, volumes, what the module did. */
  preamble: string[];
  /** Whether something is not there when the file is imported. */
  missing(node: SyntaxNode): boolean;
}

/** What a unit becomes: edits in place, and text at the end of the file. */
export interface UnitResult {
  edits: Edit[];
  /** Definitions that go to the end of the file. */
  tail: string[];
  /** Names of the apps that stand for it: what `windtunnel run FILE::NAME` takes. */
  symbols: string[];
  /** Endpoints for callers: method → path and argument names. */
  calls: Map<string, { path: string; names: string[] | null }>;
  /** Names of what a class is made with. */
  parameters: string[];
}

/** Lines that make folders of volumes and lead fixed paths to them. */
export function volumeLines(volumes: readonly VolumeMount[], linked: ReadonlySet<string>): string[] {
  return volumes
    .filter(({ bucket }) => !bucket)
    .map(({ mount, target }) =>
      linked.has(mount)
        ? `link_volume(${JSON.stringify(target)}, ${JSON.stringify(mount)})`
        : `os.makedirs(${JSON.stringify(target)}, exist_ok=True)`,
    );
}

import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FoundApp, SourceBundle } from '../../contract/index.ts';
import { CONFIG_FILE } from '../config/load-config.ts';
import type { WatchTarget } from '../watch/watch-target.ts';

export interface WatchInputs {
  found: FoundApp;
  bundle: SourceBundle;
  workspace: string;
  envFiles: readonly string[];
  secretsFile: string;
}

/** All that an app is made of, with the rule by which a change of it counts. */
export function watchTargets({ found, bundle, workspace, envFiles, secretsFile }: WatchInputs): WatchTarget[] {
  const targets: WatchTarget[] = [{ path: bundle.main, rule: 'source of the app', kind: 'source' }];
  for (const module of bundle.modules) {
    for (const path of [join(bundle.root, module), join(bundle.root, `${module}.py`)]) {
      if (exists(path)) targets.push({ path, rule: 'module of the app', kind: 'source' });
    }
  }
  for (const path of appFileRoots(found, bundle)) targets.push({ path, rule: 'app_files', kind: 'source' });
  for (const path of localRequirements(found, bundle)) targets.push({ path, rule: 'requirements', kind: 'source' });
  for (const path of envFiles) targets.push({ path, rule: 'environment file', kind: 'input' });
  targets.push({ path: join(workspace, CONFIG_FILE), rule: 'configuration', kind: 'input' });
  targets.push({ path: secretsFile, rule: 'secrets', kind: 'input' });
  return targets;
}

/** The named files and folders, not what is in them: a file that appears in a folder is then seen too. */
function appFileRoots({ settings }: FoundApp, bundle: SourceBundle): string[] {
  const context = resolve(dirname(bundle.main), settings.appFilesContextDir ?? '.');
  return settings.appFiles.map((name) => resolve(context, name));
}

/** Requirements that are paths (`./pkg`, `-r more.txt`, `-e .`), as pip reads them. */
function localRequirements({ settings }: FoundApp, bundle: SourceBundle): string[] {
  const context = resolve(dirname(bundle.main), settings.requirementsContextDir ?? '.');
  const paths = settings.requirements.flat().map((line) => {
    const words = line.trim().split(/\s+/);
    const option = words[0] === '-r' || words[0] === '-e' || words[0] === '-c';
    const path = option ? words[1] : words[0];
    return path !== undefined && (option || /^\.{0,2}\//.test(path) || path === '.') ? resolve(context, path) : null;
  });
  return paths.filter((path) => path !== null && exists(path)) as string[];
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

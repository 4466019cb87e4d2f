import { copyFile, constants as fsConstants, mkdir, readFile, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type RunnerSpec, type ShippedFile, WindtunnelError } from '../../contract/index.ts';
import { type FolderPlan, ownCwd } from '../link/start-message.ts';

// A shipped file is copied, so that an app which writes to it does not write to the user's source; only model weights
// and the like are linked, for they would be copied at every start.
const LINKED_OVER_BYTES = 64 * 1024 * 1024;

/**
 * Decides how the runner gets /data, and /app where it has app_files. Linux: mounted in a namespace of the runner's own.
 * Elsewhere, or where the kernel refuses: an app that never names /data runs without, with its caches in the data
 * folder; one that does is refused with E_DATA_MOUNT, unless /data is a link to the folder.
 */
export async function planFolders(
  spec: RunnerSpec,
  workDir: string,
  kept: readonly string[],
  platform: NodeJS.Platform,
): Promise<FolderPlan> {
  const mapped: Record<string, string> = {};
  const linked = (await resolved('/data')) === (await resolved(spec.dataDir));
  const required = !linked && (await namesData(spec));
  const hidden = await firstUnder('/data', kept);
  if (!linked && platform === 'linux' && !hidden) mapped['/data'] = spec.dataDir;
  if (required && !mapped['/data']) throw dataMountError(spec, platform, hidden);
  const bundle = spec.payload.kind === 'source' ? spec.payload.bundle : null;
  if (shippedFiles(spec).length > 0 && platform === 'linux' && !(await firstUnder('/app', kept)))
    mapped['/app'] = workDir;
  return {
    mapped,
    required,
    cwd: path.join(mapped['/app'] ? '/app' : workDir, ownCwd(bundle)),
    cwdUnmapped: path.join(workDir, ownCwd(bundle)),
    data: linked || mapped['/data'] ? '/data' : spec.dataDir,
  };
}

/** E_DATA_MOUNT with the command that mends it on this platform. */
export function dataMountError(
  spec: RunnerSpec,
  platform: NodeJS.Platform,
  hidden: string | null,
  cause?: string,
): WindtunnelError {
  if (hidden) {
    return new WindtunnelError('E_DATA_MOUNT', `${hidden} lies in /data, which the app's own /data would hide.`, {
      hint: 'Keep the project, its environment and the state folder outside of /data, or use --engine docker.',
    });
  }
  const command =
    platform === 'darwin'
      ? `printf 'data\\t${spec.dataDir}\\n' | sudo tee -a /etc/synthetic.conf`
      : `sudo ln -s ${spec.dataDir} /data`;
  const message = `The app uses /data, and ${spec.dataDir} cannot be mounted there${cause ? ` (${cause})` : ''}.`;
  const after = platform === 'darwin' ? ' and restart the Mac' : '';
  return new WindtunnelError('E_DATA_MOUNT', message, {
    hint: `Run \`${command}\`${after}, or use --engine docker.`,
    actions: [command],
  });
}

/** Puts the files that the app ships into its working folder. Throws E_FILE_UNREADABLE. */
export async function stageFiles(spec: RunnerSpec, workDir: string, sizeOf: (file: string) => Promise<number>) {
  if (spec.payload.kind === 'source') await mkdir(path.join(workDir, ownCwd(spec.payload.bundle)), { recursive: true });
  for (const { from, to } of shippedFiles(spec)) {
    const target = path.join(workDir, to);
    try {
      await mkdir(path.dirname(target), { recursive: true });
      // A copy costs nothing on file systems that share blocks.
      if ((await sizeOf(from)) > LINKED_OVER_BYTES) await symlink(from, target);
      else await copyFile(from, target, fsConstants.COPYFILE_FICLONE);
    } catch (cause) {
      throw new WindtunnelError('E_FILE_UNREADABLE', `${from}, which app_files names, cannot be copied.`, { cause });
    }
  }
}

/** The files that a spec brings for the working folder. */
function shippedFiles({ payload }: RunnerSpec): readonly ShippedFile[] {
  if (payload.kind === 'source') return payload.bundle.files;
  return payload.kind === 'command' ? [] : (payload.files ?? []);
}

/** Whether the app's own code mentions /data at all. */
async function namesData({ payload }: RunnerSpec): Promise<boolean> {
  if (payload.kind === 'command' || payload.kind === 'entrypoint') return true;
  // Its code comes with each call; it finds the folder where one can be mounted.
  if (payload.kind === 'calls') return false;
  const files =
    payload.kind === 'pickle'
      ? [payload.file]
      : [payload.file, ...payload.bundle.files.map((f) => f.from).filter((f) => f.endsWith('.py'))];
  for (const file of files) if ((await readFile(file)).includes('/data')) return true;
  return false;
}

async function firstUnder(folder: string, paths: readonly string[]): Promise<string | null> {
  for (const candidate of paths) {
    const real = await resolved(candidate);
    if (real === folder || real?.startsWith(`${folder}/`)) return candidate;
  }
  return null;
}

async function resolved(file: string): Promise<string | null> {
  try {
    return await realpath(file);
  } catch {
    return null;
  }
}

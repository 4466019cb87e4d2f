import { WindtunnelError } from '../contract/index.ts';
import { cogPlatform } from './cog/cog-platform.ts';
import type { ImportedApp, ImportPlatform, PlatformName, SourceFolder } from './platform.ts';
import { runpodPlatform } from './runpod/runpod-platform.ts';
import { readSource } from './source-text.ts';
import type { PythonParser } from './syntax.ts';

const PLATFORMS: readonly ImportPlatform[] = [cogPlatform, runpodPlatform];

// How files of platforms that cannot be imported yet are told, so that the message can name them.
const OTHERS: readonly { name: PlatformName; sign: RegExp }[] = [
  { name: 'modal', sign: /^[ \t]*(import modal\b|from modal\b)/m },
];

/**
 * Converts the app in a folder. `entry` names the file when the folder holds several. Throws E_IMPORT_NOTHING and
 * E_IMPORT_PLATFORM; what is wrong with the source itself is in the report.
 */
export function importApp(
  folder: SourceFolder,
  options: { from: PlatformName | 'auto'; entry: string | null },
  parser: PythonParser,
): ImportedApp {
  const { from, entry } = options;
  const wanted = PLATFORMS.filter(({ name }) => from === 'auto' || from === name);
  for (const platform of wanted) {
    const found = platform.detect(folder, parser);
    const chosen = entry === null ? found[0] : found.find((file) => file === entry);
    if (chosen !== undefined) return platform.convert(folder, chosen, parser);
  }
  const other = from === 'auto' ? otherPlatform(folder, entry) : wanted.length === 0 ? from : null;
  if (other !== null) {
    throw new WindtunnelError('E_IMPORT_PLATFORM', `Import from ${other} is not there yet; RunPod's and Cog's are.`, {
      hint: 'Write the fal.App by hand: https://docs.fal.ai has a guide for each platform.',
    });
  }
  throw new WindtunnelError('E_IMPORT_NOTHING', `No app to import was found in ${entry ?? folder.name}.`, {
    hint: 'Name the folder of a RunPod worker or Cog model, or its file: one that calls runpod.serverless.start(…), or that cog.yaml names.',
  });
}

function otherPlatform(folder: SourceFolder, entry: string | null): PlatformName | null {
  for (const [path, bytes] of folder.files) {
    if (!path.endsWith('.py') || (entry !== null && entry !== path)) continue;
    const source = readSource(bytes);
    const found = typeof source === 'string' ? undefined : OTHERS.find(({ sign }) => sign.test(source.text));
    if (found) return found.name;
  }
  return null;
}

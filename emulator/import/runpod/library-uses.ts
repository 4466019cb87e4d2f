import { type ImportedNames, importedNames, importedPath, isModuleOf } from '../imported-names.ts';
import type { SyntaxNode } from '../syntax.ts';

/** Names of a file that stand for something of runpod's, with what they stand for: `rp` → `runpod`. */
export type LibraryNames = ImportedNames;

/** Reads every import of runpod in the file, in functions too. */
export const libraryNames = (root: SyntaxNode): Map<string, string> => importedNames(root, 'runpod');

/** Whether a dotted module is runpod or in it. */
export const isLibrary = (module: string): boolean => isModuleOf(module, 'runpod');

/** What an expression stands for in runpod, e.g. `runpod.serverless.start`; null when it is nothing of it. */
export const libraryPath = importedPath;

/** What a piece of runpod is in `worker_tools.py`: the name to import, and the part of that file that defines it. */
export interface Tool {
  part: 'progress' | 'validator' | 'download' | 'upload' | 'cleanup' | 'cuda' | 'debugger' | 'logger';
  name: string;
}

const MODULES: Record<string, Tool> = {
  rp_validator: { part: 'validator', name: 'rp_validator' },
  validator: { part: 'validator', name: 'rp_validator' },
  rp_download: { part: 'download', name: 'rp_download' },
  download: { part: 'download', name: 'rp_download' },
  rp_upload: { part: 'upload', name: 'rp_upload' },
  upload: { part: 'upload', name: 'rp_upload' },
  rp_cleanup: { part: 'cleanup', name: 'rp_cleanup' },
  rp_cuda: { part: 'cuda', name: 'rp_cuda' },
  rp_debugger: { part: 'debugger', name: 'rp_debugger' },
};

/** Members of those modules that there is something for. */
const MEMBERS: Record<string, Record<string, string>> = {
  rp_validator: { validate: 'validate' },
  rp_download: { file: 'download_file', download_files_from_urls: 'download_files_from_urls' },
  rp_upload: {
    upload_image: 'upload_image',
    files: 'upload_files',
    upload_file_to_bucket: 'upload_file_to_bucket',
    upload_in_memory_object: 'upload_in_memory_object',
  },
  rp_cleanup: { clean: 'clean' },
  rp_cuda: { is_available: 'cuda_is_available' },
  rp_debugger: {
    Checkpoints: 'Checkpoints',
    FunctionTimer: 'FunctionTimer',
    LineTimer: 'LineTimer',
    get_debugger_output: 'get_debugger_output',
    clear_debugger_output: 'clear_debugger_output',
  },
};

/** The tool for a path in runpod, with the members that follow it; null when fal has nothing for it. */
export function toolFor(path: string): Tool | null {
  if (path === 'runpod.serverless.progress_update') return { part: 'progress', name: 'progress_update' };
  if (path === 'runpod.serverless.modules.rp_progress.progress_update') {
    return { part: 'progress', name: 'progress_update' };
  }
  if (/^runpod\.(serverless\.modules\.rp_logger\.)?RunPodLogger$/.test(path)) {
    return { part: 'logger', name: 'JobLogger' };
  }
  const match = /^runpod\.serverless\.utils\.(\w+)(?:\.(\w+))?$/.exec(path);
  // `from runpod.serverless.utils import download_files_from_urls`: the package re-exports a few.
  for (const [module, members] of Object.entries(MEMBERS)) {
    if (match?.[2] === undefined && match?.[1] !== undefined && match[1] in members && module !== 'rp_debugger') {
      return { part: MODULES[module]!.part, name: members[match[1]]! };
    }
  }
  const tool = match?.[1] === undefined ? undefined : MODULES[match[1]];
  if (!tool) return null;
  if (match?.[2] === undefined) return tool;
  const member = MEMBERS[tool.name]?.[match[2]];
  return member === undefined ? null : { part: tool.part, name: member };
}

/** Whether a namespace such as `rp_upload` has the member. */
export function hasMember(namespace: string, member: string): boolean {
  return MEMBERS[namespace]?.[member] !== undefined;
}

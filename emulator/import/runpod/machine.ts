import type { Ledger } from '../ledger.ts';
import type { SourceFolder } from '../platform.ts';
import { folderOf, join } from '../siblings.ts';
import { machineTypesFor, readHub } from './hub.ts';

// Packages and images that are of little use without a GPU.
const GPU_HINT =
  /\b(torch|diffusers|vllm|sglang|xformers|bitsandbytes|tensorrt|onnxruntime-gpu|flash-attn|nvidia|cuda)\b/i;

/** Machine types, from the hub file or from what the environment is made for. */
export function machineOf(
  folder: SourceFolder,
  entry: string,
  hints: string,
  ledger: Ledger,
): { machineTypes: string[]; gpus: number } {
  const path = ['.runpod/hub.json', join(folderOf(entry), '.runpod/hub.json')].find((name) => folder.files.has(name));
  const hub = path === undefined ? null : readHub(Buffer.from(folder.files.get(path)!).toString('utf8'));
  const anchor = { file: entry, text: 'machine_type =' };
  if (path !== undefined && typeof hub === 'string') {
    ledger.item('file', { file: path, line: 1 }, path, 'reported');
    ledger.note('F503', 'CHECK', {
      source: { file: path, line: 1 },
      text: path,
      reason: `${path} was not used: ${hub}.`,
      next: 'Set machine_type yourself.',
    });
  }
  if (path !== undefined && hub && typeof hub !== 'string') {
    for (const { key, text: setting, line } of hub.settings) {
      const used = /^(gpuIds|gpuCount|runsOn|env)$/.test(key);
      ledger.item('setting', { file: path, line }, setting, used ? 'mapped' : 'reported');
      if (!used)
        ledger.note('F504', 'OK', {
          source: { file: path, line },
          text: setting,
          reason: `"${key}" describes the worker in RunPod's hub; fal has no such setting.`,
        });
    }
    for (const name of hub.env) {
      ledger.note('F602', 'CHECK', {
        source: { file: path, line: 1 },
        text: name,
        reason: `${name} was a setting of the endpoint.`,
        next: `Set it in the Dockerfile, or as a secret: fal secrets set ${name}=…`,
      });
    }
    const { types, unknown } = machineTypesFor(hub.gpuIds);
    const source = { file: path, line: hub.settings.find(({ key }) => key === 'gpuIds')?.line ?? 1 };
    if (unknown.length > 0)
      ledger.note('F505', 'CHECK', {
        source,
        text: unknown.join(', '),
        reason: `No machine type of fal is known for ${unknown.join(', ')}.`,
        next: 'Choose one by its memory.',
        anchor,
      });
    if (types.length > 0) {
      ledger.note('F501', 'CHECK', {
        source,
        text: hub.gpuIds.join(', '),
        reason: `${hub.gpuIds.join(', ')} → ${types.join(', ')}: as much memory or more, another card. GPU-A100 has 40 GB at fal and is no 80 GB card.`,
        next: 'Compare price and architecture; packages built for one card may not run on another.',
        anchor,
      });
      return { machineTypes: types, gpus: hub.gpuCount };
    }
    if (hub.runsOnCpu) return { machineTypes: ['M'], gpus: 1 };
  }
  const gpu = GPU_HINT.test(hints);
  const reason = gpu
    ? 'No file names the GPU of the worker: GPU-A100 (40 GB) was put in its place.'
    : 'No file names the hardware of the worker, and nothing asks for a GPU: the small CPU machine M was taken.';
  ledger.note('F506', 'CHECK', {
    source: { file: entry, line: 1 },
    text: 'machine',
    reason,
    next: 'Set machine_type to what the endpoint used.',
    anchor,
  });
  return { machineTypes: [gpu ? 'GPU-A100' : 'M'], gpus: 1 };
}

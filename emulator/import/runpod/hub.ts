import * as z from 'zod/mini';

const HubSchema = z.object({
  title: z.optional(z.string()),
  config: z.optional(z.record(z.string(), z.unknown())),
});

const EnvSchema = z.object({ key: z.string(), value: z.optional(z.unknown()) });

export interface Hub {
  /** Keys of the file with the line that each starts in, for the account of what became of them. */
  settings: { key: string; text: string; line: number }[];
  gpuIds: string[];
  gpuCount: number;
  runsOnCpu: boolean;
  env: string[];
}

/** `.runpod/hub.json`; a string says why it cannot be read. */
export function readHub(text: string): Hub | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
  const parsed = HubSchema.safeParse(json);
  if (!parsed.success) return 'it has not the form of a hub file';
  const config = parsed.data.config ?? {};
  const lineOf = (key: string): number => {
    const at = text.indexOf(`"${key}"`);
    return at < 0 ? 1 : text.slice(0, at).split('\n').length;
  };
  const top = Object.entries(json as Record<string, unknown>).filter(([key]) => key !== 'config');
  const settings = [...top, ...Object.entries(config)].map(([key, value]) => ({
    key,
    text: `${key}: ${JSON.stringify(value)}`,
    line: lineOf(key),
  }));
  const ids = typeof config.gpuIds === 'string' ? config.gpuIds : '';
  const env = Array.isArray(config.env) ? config.env : [];
  return {
    settings,
    // `-NVIDIA …` takes single cards out of a group.
    gpuIds: ids
      .split(',')
      .map((id) => id.trim())
      .filter((id) => id !== '' && !id.startsWith('-')),
    gpuCount: typeof config.gpuCount === 'number' && config.gpuCount > 0 ? Math.trunc(config.gpuCount) : 1,
    runsOnCpu: config.runsOn === 'CPU',
    env: env.flatMap((entry) => {
      const found = EnvSchema.safeParse(entry);
      return found.success ? [found.data.key] : [];
    }),
  };
}

// RunPod's GPU groups by memory in GB, and the smallest machine type of fal that has as much. fal's GPU-A100 is the
// 40 GB card, so an 80 GB group must not become one. Sources: RunPod's GPU types page, fal's machine types page.
const GROUPS: Record<string, string> = {
  AMPERE_16: 'GPU-RTX4090',
  AMPERE_24: 'GPU-RTX4090',
  ADA_24: 'GPU-RTX4090',
  ADA_32_PRO: 'GPU-RTX5090',
  AMPERE_48: 'GPU-L40',
  ADA_48_PRO: 'GPU-L40',
  AMPERE_80: 'GPU-H100',
  ADA_80_PRO: 'GPU-H100',
  HOPPER_141: 'GPU-H200',
  BLACKWELL_96: 'GPU-H200',
  BLACKWELL_180: 'GPU-B200',
};

/** fal's machine types for RunPod's groups, in the same order, each once; names that are not known are returned too. */
export function machineTypesFor(groups: readonly string[]): { types: string[]; unknown: string[] } {
  const types = [...new Set(groups.flatMap((group) => GROUPS[group] ?? []))];
  return { types, unknown: groups.filter((group) => GROUPS[group] === undefined) };
}

import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type DoctorCheck as Check,
  type FoundApp,
  type GpuCard,
  type GpuDemand,
  type GpuFit,
  toWindtunnelError,
} from '../../contract/index.ts';
import { loadConfig } from '../../control/config/load-config.ts';
import { assetUrl } from '../../core/assets.ts';
import { asksForGpu, gpuDemands, gpuFit } from '../../core/gpu-slots.ts';
import type { HostGpus } from '../../engines/docker/gpus.ts';
import { NO_GPU } from '../../engines/gpus/detect-gpus.ts';
import { createFinder } from '../../find/finder.ts';
import { originalEnv } from '../exec-env.ts';
import { cardWords, demandWords, fitWords } from '../gpu-words.ts';
import { hostGpus } from '../host-gpus.ts';
import { which } from '../machine.ts';
import type { Terminal } from '../terminal.ts';

/** A look, not a search: `doctor` is asked in a home folder too. */
const MAX_FILES = 1000;

/** What this machine has, beside what the apps of the workspace ask for. */
export interface GpuFindings {
  /** What processes reach. */
  process: readonly GpuCard[];
  /** What containers reach; null where no daemon could be asked. */
  docker: readonly GpuCard[] | null;
  /** Apps that ask for a GPU. */
  apps: { symbol: string; file: string; engine: 'process' | 'docker'; demands: (GpuDemand & { fit: GpuFit })[] }[];
}

/** The GPUs of this machine, as runners may have them. */
export function machineGpus({ host }: Terminal, workspace: string): Promise<HostGpus> {
  return hostGpus(gpuConfig(workspace), originalEnv(host.env));
}

function gpuConfig(workspace: string) {
  try {
    return loadConfig(workspace).gpus ?? {};
  } catch (thrown) {
    // A broken configuration has its own line.
    if (toWindtunnelError(thrown).code === 'E_CONFIG_INVALID') return {};
    throw thrown;
  }
}

export function checkGpu({ host }: Terminal, { cards, configured }: HostGpus): Check {
  if (cards.length > 0) {
    const from = configured ? ', by windtunnel.jsonc' : '';
    return { name: 'gpu', state: 'ok', reason: `${cards.map(cardWords).join(', ')}${from}`, fix: null };
  }
  const why = configured ? '"gpus" of windtunnel.jsonc names none' : NO_GPU;
  const reason = `none that a process here can reach (${why}): GPU apps run on the CPU, with a warning`;
  const tool = configured ? null : (which(host, 'nvidia-smi') ?? which(host, 'rocm-smi'));
  const fix = tool ? `${tool} is there, the driver is not: look at its output.` : null;
  return { name: 'gpu', state: 'warn', reason, fix };
}

/** Apps of the workspace that ask for a GPU, read without running Python. */
export async function gpuApps(
  { interrupted }: Terminal,
  workspace: string,
  reached: Pick<GpuFindings, 'process' | 'docker'>,
): Promise<GpuFindings['apps']> {
  const finder = await createFinder({ wasmDir: fileURLToPath(new URL('.', assetUrl('treeSitterWasm'))) });
  const { apps } = await finder.findInFolder(workspace, { maxFiles: MAX_FILES, signal: interrupted });
  return apps.flatMap(({ symbol, file, settings }) => {
    const demands = gpuDemands(settings);
    if (!asksForGpu(demands)) return [];
    const engine = engineFor(settings, reached);
    const cards = reached[engine] ?? [];
    const fits = demands.map((demand) => ({ ...demand, fit: gpuFit(demand, cards) }));
    return [{ symbol, file: relative(workspace, file), engine, demands: fits }];
  });
}

/** One line an app. */
export function checkGpuApps(found: GpuFindings): Check[] {
  return found.apps.map(({ symbol, file, engine, demands }) => {
    const words = demands.map((demand) => `${demandWords(demand)}: ${fitWords(demand, found[engine] ?? [])}`);
    const served = demands.find(({ fit }) => fit === 'fits' || fit === 'unknown');
    return {
      name: 'gpu app',
      state: served ? 'ok' : 'warn',
      reason: `${symbol} (${file}) asks for ${words.join('; or ')}`,
      fix: served ? null : FIXES[demands[0]?.fit ?? 'none'],
    };
  });
}

const FIXES: Record<GpuFit, string | null> = {
  fits: null,
  unknown: null,
  small:
    'List a smaller machine_type after it, set "gpus": {"memory": "ignored"} in windtunnel.jsonc to try it, or deploy it.',
  few: 'Lower num_gpus, list another machine_type after it, or deploy it.',
  none: 'Choose the CPU in the code where no GPU is available, lead `--engine docker` to a machine with one (DOCKER_HOST), or deploy it.',
};

/** As `--engine auto` would choose. */
function engineFor({ kind }: FoundApp['settings'], { process, docker }: Pick<GpuFindings, 'process' | 'docker'>) {
  return kind === 'container' || (process.length === 0 && docker !== null && docker.length > 0) ? 'docker' : 'process';
}

import { type AppSettings, WindtunnelError } from '../../contract/index.ts';

export interface EngineChoice {
  engine: 'process' | 'docker';
  notices: { level: 'info' | 'warn'; message: string }[];
}

/** What the machine can give. */
export interface Machine {
  /** The GPUs that runners of an engine would get; null where there is no daemon to ask. Asked only when it matters. */
  gpus(engine: EngineChoice['engine']): Promise<MachineGpus | null>;
}

/** As of an engine. */
interface MachineGpus {
  cards: readonly { name: string }[];
  /** Why there is none. */
  reason: string;
}

/** The engine for an app, with the reason. Throws E_ENGINE_UNAVAILABLE and E_NOT_EMULATED where none could run it. */
export async function chooseEngine(
  wanted: 'auto' | 'process' | 'docker',
  app: { symbol: string; settings: AppSettings },
  machine: Machine,
): Promise<EngineChoice> {
  const { settings, symbol } = app;
  if (settings.kind === 'conda') {
    throw new WindtunnelError('E_NOT_EMULATED', `${symbol} asks for kind="conda", which is not emulated.`, {
      hint: 'Use requirements=[…] (kind="virtualenv"), or a ContainerImage that starts from one with conda.',
    });
  }
  if (wanted === 'process' && settings.kind === 'container') {
    throw new WindtunnelError(
      'E_ENGINE_UNAVAILABLE',
      `${symbol} has a ContainerImage, which the process engine cannot run.`,
      { hint: 'Run it with `--engine docker`.', actions: ['--engine docker'] },
    );
  }
  const gpu = settings.machineTypes.find((type) => /^GPU/i.test(type));
  const choice =
    wanted === 'auto' ? await automatic(symbol, settings, gpu !== undefined, machine) : { engine: wanted, why: null };
  const notices: EngineChoice['notices'] = [];
  if (choice.why !== null) notices.push({ level: 'info', message: `engine: ${choice.engine} (auto: ${choice.why})` });
  if (gpu !== undefined) {
    const { cards, reason } = (await machine.gpus(choice.engine)) ?? { cards: [], reason: 'no daemon answers' };
    const message = `${symbol} asks for ${gpu}, and this machine has no GPU for it (${reason}): it runs on the CPU. Times and memory differ from production.`;
    if (cards.length === 0) notices.push({ level: 'warn', message });
  }
  return { engine: choice.engine, notices };
}

async function automatic(
  symbol: string,
  { kind }: AppSettings,
  wantsGpu: boolean,
  machine: Machine,
): Promise<{ engine: EngineChoice['engine']; why: string }> {
  if (kind === 'container') return { engine: 'docker', why: `${symbol} has a ContainerImage` };
  if (wantsGpu && !(await hasGpu('process', machine)) && (await hasGpu('docker', machine))) {
    return { engine: 'docker', why: `${symbol} asks for a GPU, which only containers reach here` };
  }
  return { engine: 'process', why: `${symbol} needs a virtual environment, no container` };
}

async function hasGpu(engine: EngineChoice['engine'], machine: Machine): Promise<boolean> {
  return ((await machine.gpus(engine))?.cards.length ?? 0) > 0;
}

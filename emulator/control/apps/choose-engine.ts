import { type AppSettings, WindtunnelError } from '../../contract/index.ts';

export interface EngineChoice {
  engine: 'process';
  notices: { level: 'info' | 'warn'; message: string }[];
}

/** What the machine can give; found once at start. */
export interface Machine {
  /** Name of the GPU runtime that is there, null without one. */
  gpu: string | null;
}

/**
 * The engine for an app, with the reason. Throws E_ENGINE_UNAVAILABLE where only Docker could run it: this version has the
 * process engine alone.
 */
export function chooseEngine(
  wanted: 'auto' | 'process' | 'docker',
  app: { symbol: string; settings: AppSettings },
  machine: Machine,
): EngineChoice {
  const { settings, symbol } = app;
  if (wanted === 'docker') {
    throw new WindtunnelError('E_ENGINE_UNAVAILABLE', 'The docker engine is not part of this version.', {
      hint: 'Run the app with `--engine process`.',
      actions: ['--engine process'],
    });
  }
  if (settings.kind !== 'virtualenv') {
    throw new WindtunnelError(
      'E_ENGINE_UNAVAILABLE',
      `${symbol} asks for kind="${settings.kind}", which the process engine cannot run.`,
      { hint: 'Use requirements=[…] (kind="virtualenv") to run it here; container apps need the docker engine.' },
    );
  }
  const notices: EngineChoice['notices'] = [];
  if (wanted === 'auto') {
    notices.push({
      level: 'info',
      message: `engine: process (auto: ${symbol} needs a virtual environment, no container)`,
    });
  }
  const gpu = settings.machineTypes.find((type) => /^GPU/i.test(type));
  if (gpu !== undefined && machine.gpu === null) {
    notices.push({
      level: 'warn',
      message: `${symbol} asks for ${gpu}, and this machine has no GPU: it runs on the CPU. Times and memory differ from production.`,
    });
  }
  return { engine: 'process', notices };
}

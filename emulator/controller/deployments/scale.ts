import type { AppSettings } from '../../contract/index.ts';
import type { Scale } from './records.ts';

/** Kept by an alias over deployments (test_app_deploy_scale of the SDK); the rest always comes with the code. */
const INHERITED = [
  'keepAlive',
  'minConcurrency',
  'maxConcurrency',
  'concurrencyBuffer',
  'concurrencyBufferPerc',
  'scalingDelay',
  'requestTimeout',
  'requestStartTimeout',
  'regions',
] as const;
const OF_THE_CODE = ['machineTypes', 'maxMultiplexing', 'startupTimeout'] as const;

/** The scaling that the code asks for. */
export function scaleOf(settings: AppSettings): Scale {
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, settings[name]]));
  return {
    ...(inherited as Pick<Scale, (typeof INHERITED)[number]>),
    machineTypes: null,
    maxMultiplexing: null,
    startupTimeout: null,
  };
}

/** What of an alias's scaling goes on when new code takes over without `--reset-scale`. */
export function inheritScale(kept: Scale): Scale {
  return { ...kept, ...Object.fromEntries(OF_THE_CODE.map((name) => [name, null])) };
}

/** The settings of a revision under an alias. */
export function scaledSettings(settings: AppSettings, scale: Scale): AppSettings {
  const scaled = { ...settings };
  for (const name of INHERITED) Object.assign(scaled, { [name]: scale[name] });
  for (const name of OF_THE_CODE) if (scale[name] !== null) Object.assign(scaled, { [name]: scale[name] });
  return scaled;
}

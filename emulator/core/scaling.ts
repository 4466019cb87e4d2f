import type { EffectiveSettings } from './effective-settings.ts';

/**
 * Runners wanted for `demand` requests that wait or run. fal publishes no formula; this one fits its documentation
 * (deployment/scale-your-application): the buffer is the larger of count and percentage and outranks min when higher.
 */
export function desiredRunners(settings: EffectiveSettings, demand: number): number {
  const buffer = Math.max(settings.concurrencyBuffer, Math.ceil((settings.concurrencyBufferPerc / 100) * demand));
  const wanted = Math.max(settings.minConcurrency, Math.ceil(demand / settings.maxMultiplexing) + buffer);
  return Math.max(0, Math.min(wanted, settings.maxConcurrency));
}

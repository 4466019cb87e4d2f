import { type FoundApp, WindtunnelError } from '../contract/index.ts';
import { didYouMean } from './did-you-mean.ts';

/**
 * The one app that `FILE.py[::Symbol]` means, chosen as the SDK does: a single App wins over any number of functions.
 * Throws E_NO_APP, E_SEVERAL_APPS, E_UNKNOWN_SYMBOL.
 */
export function selectApp(found: readonly FoundApp[], file: string, symbol?: string): FoundApp {
  if (found.length === 0) {
    throw new WindtunnelError('E_NO_APP', `${file} holds no fal.App and no fal.function.`, {
      hint: 'Name a file that defines a subclass of fal.App or a function with @fal.function.',
    });
  }
  if (symbol !== undefined) return named(found, file, symbol);
  const apps = found.filter((app) => app.kind === 'app');
  const candidates = apps.length > 0 ? apps : found;
  if (candidates.length === 1) return candidates[0]!;
  throw new WindtunnelError('E_SEVERAL_APPS', `${file} holds ${candidates.length} apps: ${listed(candidates)}.`, {
    hint: `Name one of them: ${file}::${candidates[0]!.symbol}`,
    actions: candidates.map((app) => `${file}::${app.symbol}`),
  });
}

function named(found: readonly FoundApp[], file: string, symbol: string): FoundApp {
  const app = found.find((candidate) => candidate.symbol === symbol);
  if (app) return app;
  const near = didYouMean(
    symbol,
    found.map((candidate) => candidate.symbol),
  );
  throw new WindtunnelError('E_UNKNOWN_SYMBOL', `${symbol} is not an app in ${file}, which holds ${listed(found)}.`, {
    hint: near === null ? 'Name one of these.' : `Did you mean ${near}?`,
    actions: found.map((candidate) => `${file}::${candidate.symbol}`),
  });
}

const listed = (apps: readonly FoundApp[]): string =>
  apps.map((app) => `${app.symbol} (line ${app.lines.start})`).join(', ');

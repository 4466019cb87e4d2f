import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { FrameLocator } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  violations: { id: string; impact: string | null; nodes: { html: string; failureSummary?: string }[] }[];
}

/** What axe finds serious or critical inside a webview, each with the element. */
export async function seriousFindings(frame: FrameLocator): Promise<string[]> {
  const body = frame.locator('body');
  const results = await body.evaluate(async (element, source) => {
    const scope = globalThis as unknown as { axe?: { run(target: unknown, options: unknown): Promise<AxeResults> } };
    if (!scope.axe) new Function(source).call(globalThis);
    if (!scope.axe) throw new Error('axe did not load');
    return scope.axe.run(element.ownerDocument, { resultTypes: ['violations'] });
  }, AXE);
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary ?? ''}`));
}

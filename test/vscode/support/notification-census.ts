import type { Workbench } from './workbench.ts';

const WATCH = `
  globalThis.windtunnelShown = [];
  const seen = new WeakSet();
  new MutationObserver(() => {
    for (const item of document.querySelectorAll('.notifications-toasts .notification-list-item')) {
      if (!seen.has(item)) windtunnelShown.push(item.textContent);
      seen.add(item);
    }
  }).observe(document.body, { childList: true, subtree: true });
`;

/** Counts each notification that the workbench shows, also one that is gone at once. */
export async function notificationCensus({ page }: Workbench): Promise<() => Promise<string[]>> {
  await page.evaluate(WATCH);
  return async () => (await page.evaluate('windtunnelShown.splice(0)')) as string[];
}

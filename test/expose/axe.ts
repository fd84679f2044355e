import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** Serious and critical faults of a page by axe, each with what shows it. The page's policy lets no script in: it is run as the browser's own. */
export async function axeFaults(page: Page): Promise<(readonly [id: string, html: string])[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, nodes[0]?.html ?? ''] as const);
}

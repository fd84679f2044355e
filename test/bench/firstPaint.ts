import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { listLink } from '../../agent/expose/pages/listLink.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { WorklistFilter } from '../../db/views/worklistFilter.js';
import { PASSWORD, page, person } from '../access/rig.js';
import { QUIET_BROWSER, SIZES } from '../expose/screen.js';

const CHROMIUM = '/usr/bin/chromium';
const PAINTED = `new Promise((resolve) => {
  const found = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
  if (found()) resolve(found());
  else new PerformanceObserver(() => resolve(found())).observe({ type: 'paint', buffered: true });
})`;

export interface Painter {
  /** Milliseconds from asking for the worklist so filtered to its first contentful paint in the browser. */
  paint(filter: Partial<WorklistFilter>): Promise<number>;
  close(): Promise<void>;
}

/** A browser that has logged in to the page over this database; null, and a word, where there is none. */
export async function openPainter(given: { config: Config; database: Database }): Promise<Painter | null> {
  if (!existsSync(CHROMIUM)) {
    console.error('no Chromium: first paint is not measured (apt-get install chromium)');
    return null;
  }
  await person(given.database, 'bench', 'radiologist');
  const http = await page(given);
  const origin = `http://127.0.0.1:${http.port}`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET_BROWSER });
  const tab = await browser.newPage({ viewport: SIZES.desk });
  await tab.goto(`${origin}/login`);
  await tab.fill('[name=name]', 'bench');
  await tab.fill('[name=password]', PASSWORD);
  await Promise.all([tab.waitForURL(`${origin}/`), tab.keyboard.press('Enter')]);
  return {
    async paint(filter) {
      const answer = await tab.goto(`${origin}${addressOf(filter)}`);
      if (!answer?.ok()) throw new Error(`${addressOf(filter)}: HTTP ${answer?.status()}`);
      return Number(await tab.evaluate(PAINTED));
    },
    async close() {
      await browser.close();
      await http.close();
    },
  };
}

function addressOf({ states, offset, limit: _, ...rest }: Partial<WorklistFilter>): string {
  return listLink({ ...(rest as Record<string, string>), state: states?.[0], page: offset && offset / 50 });
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Delivered, deliverReport } from '../../agent/deliver/deliver.js';
import { routeOf, ruleFacts } from '../../agent/deliver/route.js';
import type { ReportInput } from '../../agent/report/types.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { type ListedDelivery, listDeliveries } from '../../db/tables/deliveries.js';
import type { ReportRow } from '../../db/tables/reports.js';
import { reportInput } from '../report/sample.js';
import { quietLog, type TestDatabase } from '../support/database.js';
import { insertRoutedCase } from './reportedCase.js';

export type DestinationInput = NonNullable<NonNullable<ConfigInput['route']>['destinations']>[number];

/** A reported case and rounds of delivery to destinations, one after the other. */
export interface ChannelCase {
  readonly row: CaseRow;
  readonly report: ReportRow;
  readonly input: ReportInput;
  /** One round. */
  deliver(): Promise<Delivered>;
  /** Rounds until it is delivered or parked, its back-offs waited for. */
  untilSettled(): Promise<Delivered>;
  deliveries(): Promise<ListedDelivery[]>;
}

export async function channelCase(
  test: Pick<TestDatabase, 'database'>,
  destinations: readonly DestinationInput[],
  changes: Partial<ReportInput> = {},
  policy: ConfigInput['deliver'] = {},
): Promise<ChannelCase> {
  const { dicom, deliver, route, results } = parseConfig({
    route: { destinations: [...destinations] },
    deliver: { firstRetryMs: 5, maxRetryMs: 20, ...policy },
  });
  const config = { dicom, deliver, route };
  const decided = routeOf({ route, results }, ruleFacts(reportInput(changes), 'MR1'));
  const made = await insertRoutedCase(test.database, decided, changes);
  const round = () => deliverReport({ config, database: test.database, log: quietLog, case: made.row });
  return {
    ...made,
    deliver: round,
    async untilSettled() {
      for (let rounds = 0; rounds < 60; rounds++) {
        const delivered = await round();
        if (typeof delivered === 'string' || 'parked' in delivered) return delivered;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      throw new Error(
        `not settled: ${JSON.stringify(await listDeliveries(test.database.knex, made.report.id))}`,
      );
    },
    deliveries: () => listDeliveries(test.database.knex, made.report.id),
  };
}

/** Files of a test, gone with it. */
export async function testFolder() {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-channel-'));
  return {
    dir,
    async file(name: string, text: string): Promise<string> {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

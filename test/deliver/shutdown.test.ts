import assert from 'node:assert/strict';
import { startAgent } from '../../agent/main.js';
import { listDeliveries } from '../../db/tables/deliveries.js';
import { openQueues } from '../../db/work/queue.js';
import { createTestDatabase, quietLog } from '../support/database.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';
import { insertReportedCase } from './reportedCase.js';
import { valve } from './valve.js';

describe('deliver: the process stops', () => {
  it('a delivery to a PACS that has gone silent is ended with the agent, and due at once for the next one', async function () {
    // Far less than the answer is waited for.
    this.timeout(30_000);
    const test = await createTestDatabase();
    const pacs = await valve(1);
    const destination = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port };
    const config = serviceConfig(test, {
      route: { destinations: [destination] },
      deliver: { giveUpAfterMs: 1 },
    });
    const { database } = test;
    const { report } = await insertReportedCase(database);
    const queues = await openQueues(config, database, quietLog);
    const agent = await startAgent({ config, database, queues, log: quietLog });
    try {
      await until(() => pacs.callers() > 0);
    } finally {
      await agent.close();
      await queues.close();
      pacs.close();
    }
    const [delivery] = await listDeliveries(database.knex, report.id);
    await test.close();
    assert.equal(delivery!.state, 'pending', delivery!.lastError ?? '');
    assert.ok(delivery!.nextAttemptAt.getTime() <= Date.now());
  });
});

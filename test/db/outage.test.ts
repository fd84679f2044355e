import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../config/load.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase } from '../../db/tables/cases.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { runStep, type StepEnd } from '../../db/work/runStep.js';
import { startSweep } from '../../db/work/sweep.js';
import { makeCase } from '../support/cases.js';
import { quietLog } from '../support/database.js';

describe('PostgreSQL killed under a running agent', () => {
  let dataDir: string;
  let database: Database;
  let queues: Queues;
  const config = () => parseConfig({ dataDir, retry: { firstMs: 50 } });

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-outage-'));
    await chmod(dataDir, 0o755);
    database = await openDatabase(config(), quietLog);
    queues = await openQueues(config(), database, quietLog);
  });
  after(async () => {
    await queues.close();
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const killServer = async () => {
    const file = await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8');
    process.kill(Number(file.split('\n')[0]), 'SIGKILL');
  };
  const run = (work: (row: CaseRow) => Promise<StepEnd>) => {
    const context = { database, queues, retry: config().retry, log: quietLog };
    return queues.runAgent((job) => runStep(context, job, work), 2);
  };
  const stateOf = async ({ id }: CaseRow) => (await findCase(database.knex, id).catch(() => null))?.state;

  it('it comes back, and the case whose step it interrupted goes on in the same process', async () => {
    const row = await makeCase(database.knex);
    let kills = 0;
    const running = run(async ({ state }) => {
      if (kills++ === 0) await killServer();
      return { to: state === 'received' ? 'paired' : 'located' };
    });
    const sweep = startSweep(queues, database, 100, quietLog);
    while ((await stateOf(row)) !== 'located') await sleep(25);
    await sweep.stop();
    await running.close();
    assert.ok((await verifyAudit(database.knex)).ok);
  });

  it('an idle process is woken again after it', async () => {
    const running = run(async () => ({ to: 'paired' }));
    await killServer();
    const sweep = startSweep(queues, database, 100, quietLog);
    let row: CaseRow | undefined;
    while (!row) row = await makeCase(database.knex).catch(() => sleep(25).then(() => undefined));
    while ((await stateOf(row)) !== 'paired') await sleep(25);
    await sweep.stop();
    await running.close();
  });

  it('this process is announced again: its steps are not taken for those of a dead one', async () => {
    const isAlive = async () => {
      const { rows } = await database.knex.raw('SELECT process_is_alive(?::integer) AS alive', [
        (await import('../../db/server/presence.js')).processOwner,
      ]);
      return rows[0].alive;
    };
    assert.equal(await isAlive(), true);
    await killServer();
    // A backend that has not noticed yet may still answer for a moment.
    while (await isAlive().catch(() => false)) await sleep(5);
    while (!(await isAlive().catch(() => false))) await sleep(25);
  });
});

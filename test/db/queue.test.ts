import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CASE_STATES, type CaseState } from '../../agent/domain/caseStates.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { listAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase } from '../../db/tables/cases.js';
import { type Job, openQueues, type Queues } from '../../db/work/queue.js';
import { runStep } from '../../db/work/runStep.js';
import { startSweep } from '../../db/work/sweep.js';
import { makeCase } from '../support/cases.js';
import { startChild } from '../support/child.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { cutLine } from './cutLine.js';

const NEXT: Partial<Record<CaseState, CaseState>> = {
  received: 'paired',
  paired: 'located',
  located: 'classified',
  classified: 'reported',
  reported: 'delivered',
};
const NEVER = 3_600_000;

for (const kind of ['PostgreSQL', 'Redis'] as const)
  describe(`the queue on ${kind}`, () => {
    let db: TestDatabase;
    let redis: TestRedis | undefined;
    let config: Config;
    let queues: Queues;
    const knex = () => db.database.knex;
    const reread = async ({ id }: CaseRow) => (await findCase(knex(), id))!;

    before(async function () {
      if (kind === 'Redis') {
        needsPeer(this, 'redis');
        redis = await startRedis();
      }
    });
    after(() => redis?.stop());
    // A database and a prefix for each test: a job that one leaves behind is no other's.
    beforeEach(async () => {
      db = await createTestDatabase();
      config = parseConfig({
        dataDir: db.config.dataDir,
        database: { url: db.database.url },
        queue: redis ? { redisUrl: redis.url, prefix: randomUUID() } : {},
      });
      queues = await openQueues(config, db.database, quietLog);
    });
    afterEach(async () => {
      await queues.close();
      await db.close();
    });

    /** What the real agent and worker do, with work that takes no time. */
    const workAll = (seen: Job[] = []) => {
      const handler = (job: Job) => {
        seen.push(job);
        const context = { database: db.database, queues, retry: config.retry, log: quietLog };
        return runStep(context, job, async ({ state }) => ({ to: NEXT[state]! }));
      };
      queues.runAgent(handler, 4);
      queues.runWorker(handler, 4);
      return seen;
    };

    it('carries a case through every state, each by its own process', async () => {
      const row = await makeCase(knex());
      const byAgent: string[] = [];
      const byWorker: string[] = [];
      const step = (seen: string[]) => (job: Job) => {
        seen.push(job.state);
        const context = { database: db.database, queues, retry: config.retry, log: quietLog };
        return runStep(context, job, async ({ state }) => ({ to: NEXT[state]! }));
      };
      queues.runAgent(step(byAgent), 1);
      queues.runWorker(step(byWorker), 1);
      await queues.wake(row);
      await until(async () => (await reread(row)).state === 'delivered');
      assert.deepEqual(byAgent, ['received', 'paired', 'classified', 'reported']);
      assert.deepEqual(byWorker, ['located']);
      for (const [state, { by }] of Object.entries(CASE_STATES))
        if (by) assert.ok((by === 'agent' ? byAgent : byWorker).includes(state));
    });

    it('of cases that wait those go first that are furthest, then those that came first', async () => {
      const rows: CaseRow[] = [];
      for (const state of ['received', 'paired', 'received', 'reported', 'classified'] as const) {
        const row = await makeCase(knex());
        rows.push({ ...row, state });
        await queues.wake({ ...row, state });
      }
      const order: number[] = [];
      const running = queues.runAgent(
        async ({ caseId }) => void order.push(rows.findIndex(({ id }) => id === caseId)),
        1,
      );
      await until(() => order.length === rows.length);
      await running.close();
      assert.deepEqual(order, [3, 4, 1, 0, 2]);
    });

    it('the same wake ten times is one job, and the id is free again when it is done', async () => {
      const row = await makeCase(knex());
      for (let time = 0; time < 10; time++) assert.ok(await queues.wake(row));
      assert.deepEqual(await queues.depth(), { agent: 1, worker: 0 });
      let runs = 0;
      queues.runAgent(async () => void runs++, 1);
      await until(() => runs === 1);
      await until(async () => (await queues.depth()).agent === 0);
      assert.ok(await queues.wake(row));
      await until(() => runs === 2);
    });

    it('wakes that come together are one job each, put off or not', async () => {
      const rows = await Promise.all(Array.from({ length: 8 }, () => makeCase(knex())));
      const seen = workAll();
      const wakes = rows.map((row, i) => (i < 6 ? row : { ...row, delayMs: 60_000 }));
      assert.ok((await Promise.all([...wakes, rows[0]!].map((wake) => queues.wake(wake)))).every(Boolean));
      await until(async () =>
        (await Promise.all(rows.slice(0, 6).map(reread))).every(({ state }) => state === 'delivered'),
      );
      assert.equal(seen.length, 6 * 5);
      assert.deepEqual(await queues.depth(), { agent: 2, worker: 0 });
    });

    it('a job whose handler throws is gone, and the next wake runs it again', async () => {
      const row = await makeCase(knex());
      let runs = 0;
      queues.runAgent(async () => {
        if (++runs === 1) throw new Error('the first time');
      }, 1);
      await queues.wake(row);
      await until(() => runs === 1);
      await until(async () => (await queues.depth()).agent === 0);
      await queues.wake(row);
      await until(() => runs === 2);
    });

    it('a state without work is woken for nothing', async () => {
      const row = await makeCase(knex());
      assert.ok(await queues.wake({ ...row, state: 'delivered' }));
      assert.ok(await queues.wake({ ...row, state: 'parked' }));
      assert.deepEqual(await queues.depth(), { agent: 0, worker: 0 });
    });

    it('a wake that is put off comes later, and not at once', async () => {
      const row = await makeCase(knex());
      const seen = workAll();
      await queues.wake({ ...row, delayMs: 400 });
      await sleep(100);
      assert.equal(seen.length, 0);
      await until(() => seen.length > 0);
    });

    it('the sweep wakes cases that nobody woke, once each', async () => {
      const rows = await Promise.all(Array.from({ length: 30 }, () => makeCase(knex())));
      const sweep = startSweep(queues, db.database, NEVER, quietLog);
      assert.equal(await sweep.once(), 30);
      assert.equal(await sweep.once(), 30);
      assert.deepEqual(await queues.depth(), { agent: 30, worker: 0 });
      const seen = workAll();
      await until(async () =>
        (await Promise.all(rows.map(reread))).every(({ state }) => state === 'delivered'),
      );
      await sweep.stop();
      assert.equal(seen.length, 30 * 5);
    });

    it('a failed step comes again by itself, and the case ends where it should', async () => {
      const row = await makeCase(knex());
      let failures = 0;
      const context = {
        database: db.database,
        queues,
        retry: { firstMs: 20, maxMs: 20, maxAttempts: 5 },
        log: quietLog,
      };
      queues.runAgent(
        (job) =>
          runStep(context, job, async ({ state }) => {
            if (state === 'received' && ++failures <= 2) throw new Error('not yet');
            return { to: NEXT[state]! };
          }),
        1,
      );
      const sweep = startSweep(queues, db.database, 50, quietLog);
      await until(async () => (await reread(row)).state === 'located');
      await sweep.stop();
      const events = (await listAudit(knex(), 'case', row.id)).map(({ event }) => event).reverse();
      assert.deepEqual(events, ['CASE_CREATED', 'STEP_FAILED', 'STEP_FAILED', 'CASE_MOVED', 'CASE_MOVED']);
    });

    it('after kill -9 of the process at a step another one takes over, without waiting for a lease or a lock', async () => {
      const row = await makeCase(knex());
      const victim = startChild('work', db.database.url, ...(redis ? [redis.url, config.queue.prefix] : []));
      await victim.next();
      await queues.wake(row);
      assert.deepEqual(await victim.next(), { caseId: row.id, started: true });
      const before = await reread(row);
      assert.equal(before.attempts, 1);
      await victim.kill();
      workAll();
      const sweep = startSweep(queues, db.database, 100, quietLog);
      await until(async () => (await reread(row)).state === 'delivered');
      await sweep.stop();
      // The lease still runs, and so does the dead process's hold on its job: neither was waited for.
      assert.ok(before.nextAttemptAt.getTime() > Date.now());
      const events = await listAudit(knex(), 'case', row.id);
      assert.equal(events.filter(({ event }) => event === 'CASE_MOVED').length, 5);
    });

    it('a living process keeps its step, however often the sweep looks', async () => {
      const row = await makeCase(knex());
      const holder = startChild('work', db.database.url, ...(redis ? [redis.url, config.queue.prefix] : []));
      await holder.next();
      await queues.wake(row);
      await holder.next();
      const seen = workAll();
      const sweep = startSweep(queues, db.database, 20, quietLog);
      await sleep(400);
      assert.deepEqual(seen, []);
      assert.equal((await reread(row)).attempts, 1);
      await sweep.stop();
      await holder.kill();
    });

    it('a job that a dead process had only just been given is given to another one', async () => {
      // Before the attempt was counted, so that its id is the one the sweep would use: only the queue itself can tell.
      const row = await makeCase(knex());
      const impatient = await openQueues(config, db.database, quietLog, { lockMs: 300, stalledCheckMs: 200 });
      const victim = startChild('take', db.database.url, ...(redis ? [redis.url, config.queue.prefix] : []));
      await victim.next();
      await queues.wake(row);
      await victim.next();
      await victim.kill();
      const seen: Job[] = [];
      impatient.runAgent(async (job) => void seen.push(job), 1);
      await until(() => seen.length === 1);
      assert.equal(seen[0]!.caseId, row.id);
      await impatient.close();
    });

    it('closing waits for the job under way', async () => {
      const row = await makeCase(knex());
      let ended = false;
      let started = false;
      const running = queues.runAgent(async () => {
        started = true;
        await sleep(300);
        ended = true;
      }, 1);
      await queues.wake(row);
      await until(() => started);
      await running.close();
      assert.ok(ended);
    });

    if (kind === 'Redis') {
      it('Redis going away loses no case and ends no process; when it is back, empty, the sweep wakes all', async () => {
        const row = await makeCase(knex());
        workAll();
        await redis!.stop();
        assert.equal(await queues.wake(row), false);
        const sweep = startSweep(queues, db.database, 50, quietLog);
        await sleep(200);
        assert.equal((await reread(row)).state, 'received');
        await redis!.start();
        await until(async () => (await reread(row)).state === 'delivered');
        await sweep.stop();
      });

      it('Redis that is not there yet does not keep the process from starting', async () => {
        await redis!.stop();
        const early = await openQueues(config, db.database, quietLog, { wakeTimeoutMs: 200 });
        const row = await makeCase(knex());
        assert.equal(await early.wake(row), false);
        const seen: Job[] = [];
        early.runAgent(async (job) => void seen.push(job), 1);
        await early.runWorker(async () => undefined, 1).close();
        await redis!.start();
        await until(() => early.wake(row));
        await until(() => seen.length > 0);
        await early.close();
      });

      it("Redis lost in the midst of a queue's first connection does not keep the queue closed for ever", async () => {
        const line = await cutLine(Number(new URL(redis!.url).port));
        const overLine = parseConfig({ ...config, queue: { ...config.queue, redisUrl: line.url } });
        const early = await openQueues(overLine, db.database, quietLog);
        await until(() => line.isDown());
        // The second call that is refused makes the client give up the question it was lost at.
        await sleep(1_000);
        await line.mend();
        const row = await makeCase(knex());
        const rowOfWorker = { ...row, state: 'located' } as const;
        await until(async () => (await early.wake(row)) && (await early.wake(rowOfWorker)));
        assert.deepEqual(await early.depth(), { agent: 1, worker: 1 });
        await early.close();
        line.close();
      });
    }

    if (kind === 'PostgreSQL')
      it('keeps its tables in a schema of its own', async () => {
        const { rows } = await knex().raw(
          "SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_name LIKE 'job%'",
        );
        assert.deepEqual(rows, [{ tableSchema: 'calcidisc_queue' }]);
      });
  });

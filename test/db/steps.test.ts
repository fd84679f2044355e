import assert from 'node:assert/strict';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { processOwner } from '../../db/server/presence.js';
import { listAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase, moveCase, reviseCase, StaleCase } from '../../db/tables/cases.js';
import { oneByOne } from '../../db/work/caseSteps.js';
import { runStep } from '../../db/work/runStep.js';
import { dueCases, failStep, postponeStep, type StepRetry, startStep } from '../../db/work/steps.js';
import { makeCase } from '../support/cases.js';
import { quietLog, useDatabase } from '../support/database.js';

const retry: StepRetry = { firstMs: 1_000, maxMs: 300_000, maxAttempts: 3 };
/** A number no process holds. */
const DEAD = 7;

describe('steps', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;
  const reread = async ({ id }: CaseRow) => (await findCase(knex(), id))!;
  const isDue = async ({ id }: CaseRow) => (await dueCases(knex(), 1_000)).some((row) => row.id === id);
  const stepOf = ({ id, revision, state }: CaseRow) => ({ id, revision, state });
  const letTimePass = ({ id }: CaseRow) =>
    knex()('case')
      .where({ id })
      .update({ nextAttemptAt: knex().raw("clock_timestamp() - interval '1 second'") });

  it('a new case is due at once, and no more once its step has started', async () => {
    const row = await makeCase(knex());
    assert.ok(await isDue(row));
    const started = await startStep(knex(), stepOf(row));
    assert.deepEqual([started?.attempts, started?.owner], [1, processOwner]);
    assert.equal(await isDue(row), false);
  });

  it('of ten who want a step one gets it', async () => {
    const row = await makeCase(knex());
    const started = await Promise.all(Array.from({ length: 10 }, () => startStep(knex(), stepOf(row))));
    assert.equal(started.filter(Boolean).length, 1);
    assert.equal((await reread(row)).attempts, 1);
  });

  it('the step of a dead process is due at once, whatever its lease', async () => {
    const row = await makeCase(knex());
    await startStep(knex(), { ...stepOf(row), leaseMs: 3_600_000 });
    await knex()('case').where({ id: row.id }).update({ owner: DEAD });
    assert.ok(await isDue(row));
    assert.equal((await startStep(knex(), stepOf(row)))?.attempts, 2);
  });

  it('the step of a living process is due when its lease is over', async () => {
    const row = await makeCase(knex());
    await startStep(knex(), { ...stepOf(row), leaseMs: 1 });
    await letTimePass(row);
    assert.ok(await isDue(row));
  });

  it('a job for what was done already, or was revised, starts nothing', async () => {
    const row = await makeCase(knex());
    await moveCase(knex(), { id: row.id, revision: 1, from: 'received', to: 'paired' });
    assert.equal(await startStep(knex(), stepOf(row)), null);
    await reviseCase(knex(), { id: row.id, reason: 'a late image' });
    assert.equal(await startStep(knex(), { ...stepOf(row), state: 'paired' }), null);
    assert.equal(await startStep(knex(), stepOf(row)), null);
  });

  it('a case without work is never due', async () => {
    const row = await makeCase(knex());
    for (const state of ['delivered', 'parked'] as const) {
      await knex()('case').where({ id: row.id }).update({ state });
      assert.equal(await isDue(row), false);
      assert.equal(await startStep(knex(), { ...stepOf(row), state }), null);
    }
  });

  it('a failure puts the step off, says why, and the trail has its code but not its words', async () => {
    const row = await makeCase(knex());
    await startStep(knex(), stepOf(row));
    const error = new CalcidiscError('MODEL_MISSING', 'no classifier, said somebody', { model: 'resnet34' });
    const failure = await failStep(knex(), { ...stepOf(row), error, retry });
    assert.ok(failure.outcome === 'retry' && failure.delayMs >= 500 && failure.delayMs <= 1_000);
    const after = await reread(row);
    assert.deepEqual(
      [after.owner, after.lastErrorCode, after.lastError, after.attempts],
      [null, 'MODEL_MISSING', 'no classifier, said somebody', 1],
    );
    assert.equal(after.nextAttemptAt.getTime(), failure.nextAttemptAt.getTime());
    assert.equal(await isDue(row), false);
    const [last] = await listAudit(knex(), 'case', row.id);
    assert.deepEqual(
      [last!.event, last!.outcome, last!.detail.errorCode, last!.detail.model],
      ['STEP_FAILED', 4, 'MODEL_MISSING', 'resnet34'],
    );
    assert.doesNotMatch(JSON.stringify(last), /somebody/);
  });

  it('an error met too often parks the case, a permanent one at once', async () => {
    const often = await makeCase(knex());
    for (let attempt = 1; attempt <= 3; attempt++) {
      await letTimePass(often);
      assert.equal((await startStep(knex(), stepOf(often)))?.attempts, attempt);
      const { outcome } = await failStep(knex(), { ...stepOf(often), error: new Error('again'), retry });
      assert.equal(outcome, attempt < 3 ? 'retry' : 'parked');
    }
    const once = await makeCase(knex());
    await startStep(knex(), stepOf(once));
    const error = new CalcidiscError('PIXELS_UNSUPPORTED', 'not a syntax we read');
    assert.deepEqual(await failStep(knex(), { ...stepOf(once), error, retry }), { outcome: 'parked' });
    for (const [row, code] of [
      [often, 'INTERNAL'],
      [once, 'PIXELS_UNSUPPORTED'],
    ] as const) {
      const after = await reread(row);
      assert.deepEqual([after.state, after.parkedFrom, after.lastErrorCode], ['parked', 'received', code]);
      const [last] = await listAudit(knex(), 'case', row.id);
      assert.deepEqual([last!.event, last!.outcome], ['CASE_PARKED', 8]);
    }
  });

  it('a step that ends its process every time is parked too', async () => {
    const row = await makeCase(knex());
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal((await startStep(knex(), { ...stepOf(row), maxAttempts: 3 }))?.attempts, attempt);
      await knex()('case').where({ id: row.id }).update({ owner: DEAD });
    }
    assert.equal(await startStep(knex(), { ...stepOf(row), maxAttempts: 3 }), null);
    const after = await reread(row);
    assert.deepEqual([after.state, after.lastErrorCode], ['parked', 'STEP_DIED']);
    assert.match(after.lastError!, /"pair" was started 3 times/);
  });

  it('a failure of a step that another process has taken over changes nothing', async () => {
    const row = await makeCase(knex());
    await startStep(knex(), stepOf(row));
    await knex()('case').where({ id: row.id }).update({ owner: DEAD });
    assert.deepEqual(await failStep(knex(), { ...stepOf(row), error: new Error('late'), retry }), {
      outcome: 'stale',
    });
    assert.equal((await reread(row)).lastError, null);
  });

  it('a step that waits for something else comes again, and its attempts are not used up', async () => {
    const row = await makeCase(knex());
    await startStep(knex(), stepOf(row));
    const postponed = await postponeStep(knex(), { ...stepOf(row), delayMs: 60_000, waitingFor: 'its PACS' });
    assert.deepEqual([postponed?.attempts, postponed?.owner], [0, null]);
    assert.equal(await isDue(row), false);
    await letTimePass(row);
    assert.ok(await isDue(row));
  });

  describe('run from a job', () => {
    const woken: unknown[] = [];
    const context = () => ({
      database: db.database,
      queues: { wake: async (step: unknown) => woken.push(step) > 0 },
      retry,
      log: quietLog,
    });
    const jobOf = ({ id, revision, state }: CaseRow) => ({ caseId: id, revision, state });
    beforeEach(() => woken.splice(0));

    it('results, state and event are there together, then the next step is woken', async () => {
      const row = await makeCase(knex());
      const save = (trx: ReturnType<typeof knex>) =>
        trx('pairing').insert({ caseId: row.id, revision: 1, outcome: 'no-ct' });
      await runStep(context(), jobOf(row), async () => ({
        to: 'paired',
        save,
        auditDetail: { outcome: 'no-ct' },
      }));
      assert.equal((await reread(row)).state, 'paired');
      assert.equal((await knex()('pairing').where({ caseId: row.id })).length, 1);
      assert.equal((await listAudit(knex(), 'case', row.id))[0]!.detail.outcome, 'no-ct');
      assert.deepEqual(
        woken.map((step) => (step as CaseRow).state),
        ['paired'],
      );
    });

    it('a case that was revised meanwhile keeps none of the results', async () => {
      const row = await makeCase(knex());
      await runStep(context(), jobOf(row), async () => {
        await reviseCase(knex(), { id: row.id, reason: 'a late image' });
        return {
          to: 'paired',
          save: (trx) => trx('pairing').insert({ caseId: row.id, revision: 1, outcome: 'no-ct' }),
        };
      });
      assert.deepEqual([(await reread(row)).state, (await reread(row)).revision], ['received', 2]);
      assert.equal((await knex()('pairing').where({ caseId: row.id })).length, 0);
      assert.deepEqual(woken, []);
    });

    it('work that throws is put off and woken when it is time', async () => {
      const row = await makeCase(knex());
      await runStep(context(), jobOf(row), async () => {
        throw new Error('not today');
      });
      const { nextAttemptAt, lastError } = await reread(row);
      assert.equal(lastError, 'not today');
      const [wake] = woken as [{ nextAttemptAt: Date; delayMs: number }];
      assert.equal(wake.nextAttemptAt.getTime(), nextAttemptAt.getTime());
      assert.ok(wake.delayMs >= 500);
    });

    it('results that cannot be written are a failure like any other', async () => {
      const row = await makeCase(knex());
      await runStep(context(), jobOf(row), async () => ({
        to: 'paired',
        save: (trx) => trx('pairing').insert({ revision: 1 }),
      }));
      assert.deepEqual(
        [(await reread(row)).state, (await reread(row)).lastErrorCode],
        ['received', 'INTERNAL'],
      );
    });

    it('an advance outside of a step is as strict', async () => {
      const row = await makeCase(knex());
      const move = { id: row.id, revision: 1, from: 'paired', to: 'located' } as const;
      await assert.rejects(oneByOne(knex(), 8).advance(move), StaleCase);
    });
  });
});

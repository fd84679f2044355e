import assert from 'node:assert/strict';
import type { Tx } from '../../db/server/knex.js';
import { listAudit, verifyAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase, reviseCase, StaleCase } from '../../db/tables/cases.js';
import { type CaseSteps, together } from '../../db/work/caseSteps.js';
import { makeCase } from '../support/cases.js';
import { useDatabase } from '../support/database.js';

describe('steps of several cases together', () => {
  const test = useDatabase();
  const knex = () => test.database.knex;
  let steps: CaseSteps;
  beforeEach(() => {
    steps = together(knex(), { maxAttempts: 2, limit: 20, waitMs: 20 });
  });

  const make = (count: number) => Promise.all(Array.from({ length: count }, () => makeCase(knex())));
  const stepOf = ({ id, revision, state }: CaseRow) => ({ id, revision, state });
  const moveOf = ({ id, revision }: CaseRow) =>
    ({
      id,
      revision,
      from: 'received',
      to: 'paired',
      save: (trx: Tx) => trx('pairing').insert({ caseId: id, revision, outcome: 'no-ct' }),
    }) as const;
  const stateOf = async ({ id }: CaseRow) => (await findCase(knex(), id))!.state;
  const pairings = ({ id }: CaseRow) => knex()('pairing').where({ caseId: id });

  it('each is given its own row, and one that is asked for twice is given once', async () => {
    const rows = await make(4);
    const started = await Promise.all([...rows, rows[0]!].map((row) => steps.start(stepOf(row))));
    assert.deepEqual(
      started.map((row) => row?.id ?? null),
      [...rows.map(({ id }) => id), null],
    );
    assert.deepEqual(
      started.slice(0, 4).map((row) => row?.attempts),
      [1, 1, 1, 1],
    );
    assert.equal(await steps.start(stepOf(rows[1]!)), null);
  });

  it('two processes that ask for the same cases in another order share them', async () => {
    const rows = await make(12);
    const other = together(knex(), { maxAttempts: 2, limit: 20, waitMs: 20 });
    const both = await Promise.all([
      ...rows.map((row) => steps.start(stepOf(row))),
      ...rows.toReversed().map((row) => other.start(stepOf(row))),
    ]);
    assert.deepEqual(both.flatMap((row) => row?.id ?? []).sort(), rows.map(({ id }) => id).sort());
  });

  it('one that died too often is parked, the others begin', async () => {
    const [often, fresh] = (await make(2)) as [CaseRow, CaseRow];
    await knex()('case').where({ id: often.id }).update({ attempts: 2 });
    const started = await Promise.all([often, fresh].map((row) => steps.start(stepOf(row))));
    assert.deepEqual([started[0], started[1]?.id], [null, fresh.id]);
    assert.deepEqual([await stateOf(often), await stateOf(fresh)], ['parked', 'received']);
  });

  it('results, states and one event each are written together, and the trail holds', async () => {
    const rows = await make(3);
    const moved = await Promise.all(rows.map((row) => steps.advance(moveOf(row))));
    assert.deepEqual(
      moved.map(({ id, state }) => [id, state]),
      rows.map(({ id }) => [id, 'paired']),
    );
    for (const row of rows) {
      assert.equal((await pairings(row)).length, 1);
      assert.equal((await listAudit(knex(), 'case', row.id))[0]?.event, 'CASE_MOVED');
    }
    const transactions = new Set(
      (
        await knex()('case')
          .whereIn(
            'id',
            rows.map(({ id }) => id),
          )
          .select(knex().raw('xmin::text'))
      ).map(({ xmin }) => xmin),
    );
    assert.equal(transactions.size, 1);
    assert.ok((await verifyAudit(knex())).ok);
  });

  it('a case that was revised meanwhile keeps nothing, the others of its group everything', async () => {
    const rows = await make(3);
    await reviseCase(knex(), { id: rows[1]!.id, reason: 'a late image' });
    const settled = await Promise.allSettled(rows.map((row) => steps.advance(moveOf(row))));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.ok((settled[1] as PromiseRejectedResult).reason instanceof StaleCase);
    assert.deepEqual(await Promise.all(rows.map(stateOf)), ['paired', 'received', 'paired']);
    assert.deepEqual(
      (await Promise.all(rows.map(pairings))).map(({ length }) => length),
      [1, 0, 1],
    );
  });

  it('results that cannot be written fail their own case alone', async () => {
    const rows = await make(3);
    const moves = rows.map(moveOf);
    const poisoned = { ...moves[1]!, save: (trx: Tx) => trx('pairing').insert({ revision: 1 }) };
    const settled = await Promise.allSettled(
      [moves[0]!, poisoned, moves[2]!].map((move) => steps.advance(move)),
    );
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(await Promise.all(rows.map(stateOf)), ['paired', 'received', 'paired']);
  });
});

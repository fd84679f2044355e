import assert from 'node:assert/strict';
import { CASE_STATES, type CaseState, mayMove } from '../../agent/domain/caseStates.js';
import { listAudit } from '../../db/tables/audit.js';
import {
  type CaseRow,
  countCases,
  createCase,
  findCase,
  listCases,
  moveCase,
  reviseCase,
  StaleCase,
  unparkCase,
} from '../../db/tables/cases.js';
import { makeCase } from '../support/cases.js';
import { useDatabase } from '../support/database.js';

const STATES = Object.keys(CASE_STATES) as CaseState[];

describe('cases', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;
  const reread = async ({ id }: CaseRow) => (await findCase(knex(), id))!;
  const put = async (row: CaseRow, state: CaseState) => {
    await knex()('case')
      .where({ id: row.id })
      .update({ state, parkedFrom: state === 'parked' ? 'located' : null });
  };

  for (const from of STATES)
    for (const to of STATES)
      it(`${from} -> ${to} is ${mayMove(from, to) ? 'a move' : 'refused'}`, async () => {
        const row = await makeCase(knex());
        await put(row, from);
        const move = knex().transaction((trx) => moveCase(trx, { id: row.id, revision: 1, from, to }));
        if (!mayMove(from, to)) {
          await assert.rejects(move, RangeError);
          assert.equal((await reread(row)).state, from);
          return;
        }
        assert.equal((await move).state, to);
        const [last] = await listAudit(knex(), 'case', row.id);
        assert.deepEqual({ ...last!.detail }, { from, to, revision: 1 });
      });

  it('the states that the table knows are the ones the database allows', async () => {
    const row = await makeCase(knex());
    for (const state of STATES) await put(row, state);
    await assert.rejects(put(row, 'lost' as CaseState), /case_state_check/);
  });

  it('one MR series has one case, however often it is announced', async () => {
    const first = await makeCase(knex());
    const again = await createCase(knex(), first);
    assert.equal(again.created, false);
    assert.equal(again.case.id, first.id);
    assert.equal((await listAudit(knex(), 'case', first.id)).length, 1);
  });

  it('a move of a revision that is over is stale, and nothing of its transaction stays', async () => {
    const row = await makeCase(knex());
    await reviseCase(knex(), { id: row.id, reason: 'a late image' });
    const stale = knex().transaction(async (trx) => {
      await trx('case').where({ id: row.id }).update({ lastError: 'written by the stale step' });
      await moveCase(trx, { id: row.id, revision: 1, from: 'received', to: 'paired' });
    });
    await assert.rejects(stale, StaleCase);
    const after = await reread(row);
    assert.deepEqual([after.state, after.revision, after.lastError], ['received', 2, null]);
  });

  it('of two processes that end the same step one moves the case, the other is stale', async () => {
    const row = await makeCase(knex());
    const move = () =>
      knex().transaction((trx) => moveCase(trx, { id: row.id, revision: 1, from: 'received', to: 'paired' }));
    const ends = await Promise.allSettled([move(), move(), move()]);
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const end of ends) if (end.status === 'rejected') assert.ok(end.reason instanceof StaleCase);
    assert.equal(
      (await listAudit(knex(), 'case', row.id)).filter(({ event }) => event === 'CASE_MOVED').length,
      1,
    );
  });

  it('a move that is rolled back leaves no event', async () => {
    const row = await makeCase(knex());
    const broken = knex().transaction(async (trx) => {
      await moveCase(trx, { id: row.id, revision: 1, from: 'received', to: 'paired' });
      throw new Error('the disk is full');
    });
    await assert.rejects(broken, /disk is full/);
    assert.equal((await listAudit(knex(), 'case', row.id)).length, 1);
  });

  it('a revision begins afresh from every state, also from parked', async () => {
    for (const state of STATES) {
      const row = await makeCase(knex());
      await put(row, state);
      await knex()('case').where({ id: row.id }).update({ attempts: 3, lastErrorCode: 'INTERNAL', owner: 1 });
      const revised = await reviseCase(knex(), { id: row.id, reason: 'a CT came later' });
      assert.ok(revised, state);
      const { state: now, revision, attempts, owner, lastErrorCode, parkedFrom, revisionReason } = revised;
      assert.deepEqual(
        { now, revision, attempts, owner, lastErrorCode, parkedFrom, revisionReason },
        {
          now: 'received',
          revision: 2,
          attempts: 0,
          owner: null,
          lastErrorCode: null,
          parkedFrom: null,
          revisionReason: 'a CT came later',
        },
      );
    }
  });

  it('a parked case goes back to where it was parked, and says who sent it', async () => {
    const row = await makeCase(knex());
    await put(row, 'paired');
    await moveCase(knex(), { id: row.id, revision: 1, from: 'paired', to: 'parked' });
    assert.equal((await reread(row)).parkedFrom, 'paired');
    const back = await unparkCase(knex(), { id: row.id, reason: 'the disk was cleaned', actor: 'user:anna' });
    assert.deepEqual([back?.state, back?.parkedFrom, back?.attempts], ['paired', null, 0]);
    const [last] = await listAudit(knex(), 'case', row.id);
    assert.deepEqual([last!.event, last!.actor, last!.eventCode], ['CASE_UNPARKED', 'user:anna', '110100']);
    assert.equal(await unparkCase(knex(), { id: row.id, reason: 'again' }), null);
  });

  it('is found by the beginning of its id, and an ambiguous beginning is refused', async () => {
    const rows = await Promise.all(Array.from({ length: 20 }, () => makeCase(knex())));
    const { id } = rows[0]!;
    assert.equal((await findCase(knex(), id.slice(0, 13).toUpperCase()))?.id, id);
    assert.equal(await findCase(knex(), 'no such case'), null);
    assert.equal(await findCase(knex(), '%'), null);
    // Of seventeen and more, two begin with the same digit.
    const first = rows.map((row) => row.id[0]!).find((digit, at, all) => all.indexOf(digit) !== at)!;
    await assert.rejects(findCase(knex(), first), { code: 'CASE_AMBIGUOUS' });
  });

  it('are listed newest first, by state, page by page, none twice', async () => {
    await knex().raw('TRUNCATE "case" CASCADE');
    // At the same moment: their times differ by less than a millisecond, or not at all.
    await knex().transaction(async (trx) => {
      for (let made = 0; made < 5; made++) await makeCase(trx);
    });
    const all = await listCases(knex());
    const pages: CaseRow[] = [];
    for (let before: string | undefined; ; before = pages.at(-1)!.id) {
      const page = await listCases(knex(), { limit: 2, ...(before ? { before } : {}) });
      pages.push(...page);
      if (page.length < 2) break;
    }
    assert.deepEqual(
      pages.map(({ id }) => id),
      all.map(({ id }) => id),
    );
    assert.equal(new Set(all.map(({ id }) => id)).size, 5);
    await put(all[0]!, 'delivered');
    assert.deepEqual(
      (await listCases(knex(), { states: ['delivered'] })).map(({ id }) => id),
      [all[0]!.id],
    );
    assert.deepEqual(await countCases(knex()), {
      ...Object.fromEntries(STATES.map((state) => [state, 0])),
      received: 4,
      delivered: 1,
    });
  });
});

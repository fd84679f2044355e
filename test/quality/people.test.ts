import assert from 'node:assert/strict';
import { appendAudit } from '../../db/tables/audit.js';
import { insertWrittenReport } from '../../db/tables/writtenReports.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { useDatabase } from '../support/database.js';

const HOUR = 3_600_000;

describe('quality: who had a result before the report was signed, against times that are known', () => {
  const db = useDatabase();
  let now = 0;
  beforeEach(() => {
    now = Date.now();
  });
  const at = (hours: number) => new Date(now + hours * HOUR);

  /** A case whose report was built and delivered then, and whose study has a written report that was signed then. */
  async function caseOf(deliveredAt: Date | null, signedAt: Date | null | undefined): Promise<string> {
    const { knex } = db.database;
    const { row, report } = await insertReportedCase(db.database);
    await knex('report')
      .where({ id: report.id })
      .update({ createdAt: at(-3) });
    await knex('delivery').insert({
      id: knex.raw('gen_random_uuid()'),
      reportId: report.id,
      destination: 'pacs',
      ...(deliveredAt ? { state: 'stored', storedAt: deliveredAt } : {}),
    });
    if (signedAt !== undefined) {
      const study = row.mrStudyInstanceUid;
      const given = { controlId: study, sender: 'RIS', status: 'F', signedBy: 'DOE', language: 'en' };
      const numbers = { accessionNumbers: [], patientIds: [], messageSha256: study };
      const text = { body: 'no calcification', message: 'MSH', source: 'hl7' as const };
      const discs = [{ level: 'L4-L5', heard: 'not-calcified', sentence: 'no calcification' }] as const;
      const written = { ...given, ...numbers, ...text, discs, studyInstanceUid: study, signedAt };
      await insertWrittenReport(knex, written, 'process:test');
    }
    return row.id;
  }
  const rowsOf = async (caseId: string) => db.database.knex('qa_people').where({ caseId });

  it('there before and after it was signed, by how long; no time; no report; not delivered', async () => {
    const cases: readonly [Date | null, Date | null | undefined, string, number | null][] = [
      [at(-3), at(1), 'before', 4 * 3_600],
      [at(-1), at(-2), 'after', -3_600],
      [at(-3), null, 'no-time', null],
      [at(-3), undefined, 'no-report', null],
      [null, at(1), 'undelivered', null],
    ];
    for (const [delivered, signed, there, seconds] of cases) {
      const [row] = await rowsOf(await caseOf(delivered, signed));
      assert.deepEqual([row.there, row.secondsBeforeSigning], [there, seconds], there);
    }
  });

  it('opened before and after signing, how long after the result; a program that asks is nobody', async () => {
    const [early, late] = [await caseOf(at(-3), at(1)), await caseOf(at(-3), at(-2))];
    for (const [caseId, actor] of [
      [early, 'user:ada'],
      [late, 'user:ada'],
      [early, 'token:worklist'],
    ] as const)
      await appendAudit(db.database.knex, {
        event: 'CASE_VIEWED',
        subjectType: 'case',
        subjectId: caseId,
        actor,
        detail: {},
      });
    const [first, ...others] = await rowsOf(early);
    assert.deepEqual([first.person, first.opened, others], ['user:ada', 'before-signing', []]);
    assert.ok(Math.abs(first.secondsToOpen - 3 * 3_600) < 600, `${first.secondsToOpen}`);
    const [second] = await rowsOf(late);
    assert.equal(second.opened, 'after-signing');
  });
});

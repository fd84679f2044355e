import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { seedDatabase } from '../../cli/seed/seed.js';
import type { Tx } from '../../db/server/knex.js';
import { insertVerdicts, type NewReaderVerdict } from '../../db/tables/readerVerdicts.js';
import { quietLog, useDatabase } from '../support/database.js';

/** What the rows say, by the tables themselves: the view of before stands word for word in migration 0031. */
const DIFFERENCES = `
  WITH rows AS (SELECT q.case_id, q.level, m.name, m.version, q.role, q.probability, q.calcified, q.distance, q.site, q.scanner,
                       q.age, q.sex, q.bmi, q.mr_date, q.ct FROM quality_disc q JOIN model m ON m.id = q.model_id),
       told AS (SELECT case_id, level, model AS name, model_version AS version, role, probability, calcified, distance, site,
                       scanner, age, sex, bmi, mr_date,
                       CASE ct_label WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END AS ct FROM qa_result)
  SELECT (SELECT count(*)::integer FROM told) AS rows,
         (SELECT count(*)::integer FROM (SELECT * FROM rows EXCEPT SELECT * FROM told) a)
         + (SELECT count(*)::integer FROM (SELECT * FROM told EXCEPT SELECT * FROM rows) b) AS differences`;

describe('quality: the narrow rows that it is counted from', function () {
  this.timeout(180_000);
  const db = useDatabase();
  let id: string;
  let level: string;

  before(async () => {
    const options = { studies: 150, seed: 5, until: '2026-06-30', reports: 5, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    const { rows } = await db.database.knex.raw(
      `SELECT q.case_id, q.level FROM quality_disc q JOIN report r ON r.case_id = q.case_id
        WHERE q.role = 'active' AND q.ct ORDER BY 1, 2 LIMIT 1`,
    );
    ({ caseId: id, level } = rows[0]);
  });

  const differences = async (tx: Tx) => (await tx.raw(DIFFERENCES)).rows[0];
  const rowsOf = (tx: Tx): Promise<Record<string, unknown>[]> =>
    tx('qualityDisc').where({ caseId: id, level }).orderBy('role').select('*');

  it('say what the tables say, after seeding and after each change of one', async () => {
    const { knex } = db.database;
    assert.ok((await differences(knex)).rows > 500);
    const { mrStudyInstanceUid, mrSeriesInstanceUid } = await knex('case').where({ id }).first('*');
    const changes: readonly (readonly [string, () => PromiseLike<unknown>])[] = [
      ['nothing', async () => undefined],
      [
        'CT measurement',
        () => knex('ctMeasurement').where({ caseId: id, level }).update({ label: 'not-calcified' }),
      ],
      [
        'levels of the MR',
        () => knex('localisation').where({ caseId: id, modality: 'MR' }).update({ status: 'uncertain' }),
      ],
      [
        'scanner',
        () =>
          knex('series')
            .where({ seriesInstanceUid: mrSeriesInstanceUid })
            .update({ attributes: '{"StationName":"X9","PatientSize":1.7,"PatientWeight":72}' }),
      ],
      [
        'sex',
        () => knex('study').where({ studyInstanceUid: mrStudyInstanceUid }).update({ patientSex: 'O' }),
      ],
      ['revision', () => knex('case').where({ id }).increment('revision', 1)],
      ['revision back', () => knex('case').where({ id }).decrement('revision', 1)],
    ];
    for (const [what, change] of changes) {
      await change();
      assert.equal((await differences(knex)).differences, 0, what);
    }
    const { rows } = await knex.raw(
      `SELECT (SELECT count(*)::integer FROM quality_study) AS studies,
              (SELECT count(*)::integer FROM localisation l JOIN "case" c ON c.id = l.case_id AND c.revision = l.revision
                WHERE l.modality = 'MR') AS located,
              (SELECT sum(discs)::integer FROM quality_study) AS discs,
              (SELECT count(*)::integer FROM disc_region r JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision) AS regions`,
    );
    assert.equal(rows[0].studies, rows[0].located);
    assert.equal(rows[0].discs, rows[0].regions);
  });

  it('readers: the newest word of each counts, and who differ say nothing together', async () => {
    const { knex } = db.database;
    const { id: reportId } = await knex('report').where({ caseId: id }).first('id');
    const say = async (reader: string, answer: NewReaderVerdict['answer'], minute: number) => {
      const verdict = {
        caseId: id,
        reportId,
        sopInstanceUid: `2.25.${minute}`,
        datasetSha256: 'a',
        disc: level,
      };
      const rest = {
        verdict: 'unclear',
        level: null,
        box: null,
        words: '',
        callingAe: 'PACS',
        reader,
        answer,
      };
      const receivedAt = new Date(Date.UTC(2026, 6, 1, 8, minute));
      await insertVerdicts(knex, [{ ...verdict, ...rest, receivedAt } as NewReaderVerdict]);
      return (await rowsOf(knex)).map(({ reader: said }) => said);
    };
    assert.deepEqual(await say('A', 'calcified', 1), [true, true, true]);
    assert.deepEqual(await say('A', 'not-calcified', 2), [false, false, false]);
    assert.deepEqual(await say('B', 'calcified', 3), [null, null, null]);
    assert.deepEqual(await say('B', null, 4), [null, null, null]);
    assert.deepEqual(await say('A', 'calcified', 5), [true, true, true]);
  });

  it('written reports: the newest final one of the study, as a person has corrected it', async () => {
    const { knex } = db.database;
    const { mrStudyInstanceUid: study } = await knex('case').where({ id }).first('*');
    const write = async (heard: string, status: string, minute: number) => {
      const reportId = randomUUID();
      const texts = {
        source: 'csv',
        controlId: '1',
        sender: '',
        accessionNumber: '',
        patientId: '',
        signedBy: '',
        body: '',
      };
      await knex('writtenReport').insert({
        ...texts,
        id: reportId,
        studyInstanceUid: study,
        status,
        signedAt: new Date(Date.UTC(2026, 6, 1, 8, minute)),
        message: reportId,
        messageSha256: reportId,
      });
      await knex('writtenReportDisc').insert({ reportId, level, heard, sentence: 'x' });
      await knex('writtenReport').where({ id: reportId }).update({ matchedStudy: study });
      return reportId;
    };
    const said = async () => (await rowsOf(knex)).map(({ report }) => report);
    const first = await write('calcified', 'F', 1);
    assert.deepEqual(await said(), [true, true, true]);
    await write('not-calcified', 'P', 2);
    assert.deepEqual(await said(), [true, true, true], 'a preliminary one does not count');
    await knex('writtenReportDisc').where({ reportId: first }).update({ corrected: 'not-calcified' });
    assert.deepEqual(await said(), [false, false, false]);
    await write('not-mentioned', 'C', 3);
    assert.deepEqual(await said(), [null, null, null]);
  });
});

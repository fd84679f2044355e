import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { seedDatabase } from '../../cli/seed/seed.js';
import { listWorklist, refreshWorklist, worklistNeighbours } from '../../db/views/worklist.js';
import { countFacets, foldCounts } from '../../db/views/worklistCounts.js';
import { WORKLIST_FLAGS, WORKLIST_SORTS, type WorklistFilter } from '../../db/views/worklistFilter.js';
import { quietLog, useDatabase } from '../support/database.js';

describe('expose: the narrow rows that worklists read', function () {
  this.timeout(180_000);
  const db = useDatabase();
  const entry = async (caseId: string) => db.database.knex('worklistEntry').where({ caseId }).first('*');
  let id: string;

  before(async () => {
    const options = { studies: 150, seed: 5, until: '2026-06-30', reports: 1, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    const { rows } = await db.database.knex.raw(
      "SELECT case_id FROM worklist_entry WHERE calcified <> '{}' AND pairing_outcome = 'paired' AND true_positive <> '{}' LIMIT 1",
    );
    id = rows[0].caseId;
  });

  it('a change of any table they come from changes them, and nothing else does', async () => {
    const { knex } = db.database;
    const row = await knex('case').where({ id }).first('*');
    const changes: readonly (readonly [string, () => PromiseLike<unknown>, Record<string, unknown>])[] = [
      ['state', () => knex('case').where({ id }).update({ state: 'parked' }), { state: 'parked' }],
      [
        'name',
        () =>
          knex('study')
            .where({ studyInstanceUid: row.mrStudyInstanceUid })
            .update({ patientName: 'NEW^NAME' }),
        { patientWords: 'new name' },
      ],
      [
        'scanner',
        () =>
          knex('series')
            .where({ seriesInstanceUid: row.mrSeriesInstanceUid })
            .update({ attributes: '{"StationName":"X9"}' }),
        { scanner: 'X9', site: '', fieldStrengthT: null },
      ],
      ...(
        [
          ['1.7', '72', '24.9'],
          ['170', '72', null],
          ['1.7', '0', null],
        ] as const
      ).map(([size, weight, bmi]) => {
        const attributes = `{"StationName":"X9","PatientSize":${size},"PatientWeight":${weight}}`;
        const { mrSeriesInstanceUid: seriesInstanceUid } = row;
        return [
          `bmi of ${size} m and ${weight} kg`,
          () => knex('series').where({ seriesInstanceUid }).update({ attributes }),
          { bmi },
        ] as const;
      }),
      [
        'levels',
        () => knex('localisation').where({ caseId: id, modality: 'MR' }).update({ status: 'uncertain' }),
        {
          locateStatus: 'uncertain',
          truePositive: [],
          falsePositive: [],
          falseNegative: [],
          trueNegative: [],
        },
      ],
      [
        'pairing',
        () => knex('pairing').where({ caseId: id }).update({ outcome: 'none-serves' }),
        { pairingOutcome: 'none-serves' },
      ],
      // A new revision has nothing of the one before.
      [
        'revision',
        () => knex('case').where({ id }).update({ revision: 2 }),
        { calcified: [], locateStatus: null, pairingOutcome: null },
      ],
    ];
    for (const [what, change, expected] of changes) {
      await change();
      const after = await entry(id);
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(after[key], value, `${what}: ${key}`);
    }
    const before = await entry(id);
    await refreshWorklist(knex, [id]);
    assert.deepEqual(await entry(id), before, 'triggers and a refresh say the same');
  });

  it('a case that moves on keeps what making its rows anew would give, its discs counted before their answers', async () => {
    const { knex } = db.database;
    const { caseId } = await knex('worklistEntry')
      .whereNot({ caseId: id })
      .where({ pairingOutcome: 'paired', locateStatus: 'located' })
      .first('caseId');
    const { revision } = await knex('case').where({ id: caseId }).first('revision');
    const next = revision + 1;
    const kept = async () => [
      await entry(caseId),
      await knex('qualityStudy').where({ caseId }).first('*'),
      await knex('qualityDisc').where({ caseId }).orderBy(['level', 'modelId']),
    ];
    const asAnew = async (when: string) => {
      const before = await kept();
      await knex.raw('SELECT worklist_refresh(ARRAY[?::uuid])', [caseId]);
      assert.deepEqual(before, await kept(), when);
    };
    const again = (table: string) =>
      knex.raw(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'revision', :next::integer))).*
           FROM ${table} t WHERE case_id = :id AND revision = :revision`,
        { id: caseId, revision, next },
      );
    const move = (change: object) =>
      knex('case')
        .where({ id: caseId })
        .update({ ...change, stateSince: knex.fn.now() });
    await move({ state: 'received', revision: next });
    await asAnew('another revision');
    await again('localisation');
    await again('disc_region');
    await move({ state: 'located' });
    const discs = await knex('disc_region').where({ caseId, revision: next });
    assert.ok(discs.length > 0);
    assert.equal((await knex('qualityStudy').where({ caseId }).first('discs')).discs, discs.length);
    await asAnew('located');
    await move({ state: 'classified' });
    assert.equal((await entry(caseId)).state, 'classified');
    await asAnew('classified');
    await move({ state: 'classified', revision });
    await asAnew('the revision before');
  });

  it('answers of a revision that come together count at once', async () => {
    const { knex } = db.database;
    const [region] = await knex('discRegion').where({ caseId: id, revision: 1, level: 'L5-S1' }).select('*');
    const { id: _, ...rest } = region;
    const own = randomUUID();
    const texts = Object.fromEntries(
      ['centrePatientMm', 'centrePixel', 'roiPixel'].map((key) => [key, JSON.stringify(region[key])]),
    );
    await knex('discRegion').insert({ ...rest, ...texts, id: own, revision: 2 });
    const given = await knex('inference').where({ discRegionId: region.id, role: 'active' }).first('*');
    const { calcified: _calcified, ...answer } = given;
    await knex('inference').insert({
      ...answer,
      id: randomUUID(),
      discRegionId: own,
      answer: 'calcified',
      reasons: '[]',
    });
    assert.deepEqual((await entry(id)).calcified, ['L5-S1']);
  });

  it('in every order, walking by key gives the list, forwards and backwards, and neighbours', async () => {
    const { knex } = db.database;
    for (const sort of WORKLIST_SORTS) {
      const filter: WorklistFilter = { sort, limit: 500, offset: 0, ct: 'none' };
      const whole = (await listWorklist(knex, filter)).map((row) => row.id);
      assert.ok(whole.length > 50);
      const walked: string[] = [];
      for (let after: string | undefined; ; after = walked.at(-1)) {
        const page = await listWorklist(knex, { ...filter, limit: 37, ...(after && { after }) });
        walked.push(...page.map((row) => row.id));
        if (page.length < 37) break;
      }
      assert.deepEqual(walked, whole, sort);
      const back = await listWorklist(knex, { ...filter, limit: 5, before: whole[20]! });
      assert.deepEqual(
        back.map((row) => row.id),
        whole.slice(15, 20),
        `${sort}, backwards`,
      );
      const beside = await worklistNeighbours(knex, whole[20]!, filter);
      assert.deepEqual(beside, { previous: whole[19], next: whole[21] }, sort);
    }
  });

  it('facets add up to the list, and every flag finds its own', async () => {
    const { knex } = db.database;
    const all = await countFacets(knex, { limit: 1, offset: 0 });
    for (const facet of [all.state, all.site, all.scanner, all.ct])
      assert.equal(
        facet.reduce((sum, { count }) => sum + count, 0),
        all.total,
      );
    for (const flag of WORKLIST_FLAGS) {
      const { total } = await countFacets(knex, { flag, limit: 1, offset: 0 });
      assert.equal((await listWorklist(knex, { flag, limit: 500, offset: 0 })).length, total, flag);
      const counted = all.flag.find(({ value }) => value === flag);
      if (counted) assert.equal(counted.count, total, flag);
    }
  });

  it('sums say what counting the entries says, after every change, and after they are folded', async () => {
    const { knex } = db.database;
    const asked: Partial<WorklistFilter>[] = [
      {},
      { states: ['parked'] },
      { scanner: 'E-MR2', ct: 'paired' },
      { flag: 'disagree' },
      { flag: 'calcified', level: 'L4-L5' },
      { level: 'L5-S1', ct: 'none' },
      { flag: 'uncertain', site: 'Nordklinikum' },
      { flag: 'unstated' },
    ];
    // A bound that lets everything through has the entries themselves counted.
    const same = async (when: string) => {
      for (const filter of asked)
        assert.deepEqual(
          await countFacets(knex, { ...filter, limit: 1, offset: 0 }).then(sorted),
          await countFacets(knex, { ...filter, find: '%', limit: 1, offset: 0 }).then(sorted),
          `${when}: ${JSON.stringify(filter)}`,
        );
    };
    await knex('study').update({ accessionNumber: knex.raw("accession_number || '%'") });
    await same('after all were written anew');
    await knex('case').whereNot({ id }).update({ state: 'parked' });
    await knex('localisation').where({ modality: 'MR' }).limit(1).update({ status: 'uncertain' });
    await knex('worklistEntry').where({ caseId: id }).delete();
    await same('after changes and a row that went');
    const loose = async () => Number((await knex('worklistCount').count('* as n').first())!.n);
    const before = await loose();
    await foldCounts(knex, 0);
    assert.ok((await loose()) < before, `${before} rows are folded`);
    await same('folded');
    await knex.raw('SELECT worklist_recount()');
    await same('counted anew');
  });
});

/** The same counts in one order: equal ones come in any. */
function sorted({ total, ...facets }: Awaited<ReturnType<typeof countFacets>>) {
  const entries = Object.entries(facets).map(([name, counts]) => [
    name,
    counts.toSorted((a, b) => a.value.localeCompare(b.value)),
  ]);
  return { total, ...Object.fromEntries(entries) };
}

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newUid } from '../../agent/dicom/uid.js';
import { openFiles } from '../../agent/holders/files.js';
import { planPurge, purge } from '../../agent/retain/purge.js';
import { ensureDeliveries } from '../../db/tables/deliveries.js';
import { listInstances } from '../../db/tables/instances.js';
import { endLegalHolds, setLegalHold } from '../../db/tables/legalHolds.js';
import { openStore } from '../../db/tables/stores.js';
import { listSpoolPaths } from '../../db/views/spoolPaths.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { useDatabase } from '../support/database.js';

const [OURS, OTHERS] = [4711, 4712];
const DAYS = 30;

describe('retention: images are deleted by policy, and never what something needs', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;
  const parts = () => ({ database: db.database, dataDir: db.config.dataDir, store: OURS, days: DAYS });

  before(async () => {
    for (const number of [OURS, OTHERS])
      await openStore(knex(), { number, name: `agent-${number}`, address: null });
  });
  afterEach(async () => {
    await knex()('instance').delete();
    await knex()('series').update({ lastReceivedAt: new Date() });
  });

  /** A study whose case is delivered, its images of 60 days ago on the disk. */
  async function oldStudy(store: number | null = OURS) {
    const { row, report } = await insertReportedCase(db.database);
    await knex()('case').where({ id: row.id }).update({ state: 'delivered' });
    const seriesInstanceUid = row.mrSeriesInstanceUid;
    const path = join('spool', 'store', 'aa', `${randomUUID()}.dcm`);
    await mkdir(dirname(join(db.config.dataDir, path)), { recursive: true });
    await writeFile(join(db.config.dataDir, path), 'image');
    const receivedAt = new Date(Date.now() - 60 * 24 * 3_600_000);
    await knex()('instance').insert({
      sopInstanceUid: newUid(),
      seriesInstanceUid,
      sopClassUid: '1.2',
      transferSyntaxUid: '1.2',
      spoolPath: path,
      store,
      sizeBytes: 5,
      datasetSha256: 'a'.repeat(64),
      callingAe: 'MR',
      receivedAt,
    });
    await knex()('series').where({ seriesInstanceUid }).update({ lastReceivedAt: receivedAt });
    const isThere = () => existsSync(join(db.config.dataDir, path));
    return { row, report, seriesInstanceUid, studyInstanceUid: row.mrStudyInstanceUid, isThere };
  }

  it('a dry run says what would go and takes nothing; then it goes, on the trail, and its rows stay', async () => {
    const { seriesInstanceUid, isThere } = await oldStudy();
    const plan = await planPurge(parts());
    assert.deepEqual(plan, { series: 1, images: 1, bytes: 5, kept: {} });
    assert.ok(isThere());
    assert.deepEqual(await purge({ ...parts(), actor: 'user:anna' }), plan);
    assert.ok(!isThere());
    const images = await listInstances(knex(), seriesInstanceUid);
    assert.equal(images.length, 1);
    const [event] = await knex()('auditEvent').where({
      event: 'IMAGES_PURGED',
      subjectId: seriesInstanceUid,
    });
    assert.equal(event.actor, 'user:anna');
    assert.deepEqual(event.detail, { images: 1, bytes: 5, days: DAYS, store: OURS });
    assert.deepEqual(await purge(parts()), { series: 0, images: 0, bytes: 0, kept: {} });
    assert.ok(!(await listSpoolPaths(knex())).has(images[0]!.spoolPath), 'a restore does not miss it');
    const files = openFiles({ ...parts(), secret: null });
    await assert.rejects(files.header(images[0]!), /deleted on .* by policy .*PACS send the series again/);
  });

  const NEEDED: Readonly<Record<string, (study: Awaited<ReturnType<typeof oldStudy>>) => Promise<unknown>>> =
    {
      'a legal hold': ({ studyInstanceUid }) =>
        setLegalHold(knex(), { studyInstanceUid, reason: 'claim', setBy: 'user:anna' }),
      'it is still arriving': ({ seriesInstanceUid }) =>
        knex()('series').where({ seriesInstanceUid }).update({ state: 'receiving' }),
      'a case of the study is open': ({ row }) =>
        knex()('case').where({ id: row.id }).update({ state: 'parked' }),
      'a delivery is not done': ({ report }) => ensureDeliveries(knex(), report.id, ['pacs']),
    };
  for (const [why, need] of Object.entries(NEEDED))
    it(`stays: ${why}`, async () => {
      const study = await oldStudy();
      await need(study);
      assert.deepEqual(await purge(parts()), { series: 0, images: 0, bytes: 0, kept: { [why]: 1 } });
      assert.ok(study.isThere());
    });

  it('goes when the legal hold has ended', async () => {
    const { studyInstanceUid, isThere } = await oldStudy();
    await setLegalHold(knex(), { studyInstanceUid, reason: 'claim', setBy: 'user:anna' });
    assert.equal(await endLegalHolds(knex(), studyInstanceUid, 'user:anna'), 1);
    await purge(parts());
    assert.ok(!isThere());
  });

  it('what lies with another agent is that one’s to delete, what came before stores were kept is ours', async () => {
    const [theirs, older] = [await oldStudy(OTHERS), await oldStudy(null)];
    assert.equal((await purge(parts())).series, 1);
    assert.ok(theirs.isThere());
    assert.ok(!older.isThere());
  });
});

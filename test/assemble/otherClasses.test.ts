import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { resultOf } from '../../agent/receive/commitments.js';
import { parseConfig } from '../../config/load.js';
import { listAudit } from '../../db/tables/audit.js';
import { listCases } from '../../db/tables/cases.js';
import { findSopClasses } from '../../db/tables/instances.js';
import { findSeries, listSeriesOfStudy } from '../../db/tables/series.js';
import { countUnread, type UnreadObjectRow } from '../../db/tables/unreadObjects.js';
import { readCaseView } from '../../db/views/caseView.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { type Elements, writePart10 } from '../dicom/writePart10.js';
import { invent } from '../query/site.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { storescu } from '../support/dcmtk.js';
import { smallObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { CT_CONTEXT, RawPeer } from '../support/rawPeer.js';
import { until } from '../support/until.js';

/** A screen shot that says of itself all that a T2 sagittal MR says; a document; a private class under the root. */
const OTHERS = {
  'Secondary Capture of an MR': '1.2.840.10008.5.1.4.1.1.7',
  'Encapsulated PDF': '1.2.840.10008.5.1.4.1.1.104.1',
} as const;

describe('other SOP classes, kept unread', function () {
  this.timeout(120_000);
  let dir: string;
  let test: TestDatabase;
  let queues: Queues;
  let agent: RunningAgent;
  before(async function () {
    needsPeer(this, 'dcmtk');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-others-'));
    test = await createTestDatabase();
    const config = parseConfig({
      dataDir: test.config.dataDir,
      database: { url: test.config.database.url! },
      dicom: { port: 0, unreadStoreMiB: 1 },
      http: { port: 0 },
      assemble: { quietPeriodMs: 300 },
    });
    queues = await openQueues(config, test.database, quietLog);
    agent = await startAgent({ config, database: test.database, queues, log: quietLog });
  });
  after(async () => {
    await agent?.close();
    await queues?.close();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const send = async (files: readonly Uint8Array[]) => {
    const folder = await mkdtemp(join(dir, 'send-'));
    await Promise.all(files.map((file, i) => writeFile(join(folder, `${i}.dcm`), file)));
    const { exitCode, output } = await storescu({ port: agent.dicomPort, paths: [folder], args: ['-R'] });
    assert.equal(exitCode, 0, output);
    await agent.settled();
  };

  const keptOf = (studyInstanceUid: string): Promise<UnreadObjectRow[]> =>
    test.database.knex('unreadObject').where({ studyInstanceUid }).orderBy('sopInstanceUid').select('*');
  const bytesOf = ({ spoolPath }: Pick<UnreadObjectRow, 'spoolPath'>) =>
    readFile(join(test.config.dataDir, spoolPath));

  for (const [what, SOPClassUID] of Object.entries(OTHERS))
    it(`${what}: stored as sent, noted with its study, never a series or a case`, async () => {
      const other = invent('MR', 'OTHER', '20240110', { SOPClassUID });
      await send(other.files);
      const { knex } = test.database;
      const rows = await keptOf(other.studyInstanceUid);
      assert.deepEqual(
        rows.map((each) => each.sopClassUid),
        other.files.map(() => SOPClassUID),
      );
      assert.equal(await findSeries(knex, other.seriesInstanceUid), null);
      assert.deepEqual(await listCases(knex, { mrStudyInstanceUid: other.studyInstanceUid }), []);
      const kept = await Promise.all(rows.map(bytesOf));
      assert.deepEqual(
        kept.map(datasetOf).toSorted(),
        other.files.map((file) => datasetOf(Buffer.from(file))).toSorted(),
      );
      const events = await listAudit(knex, 'study', other.studyInstanceUid);
      assert.ok(events.every(({ event }) => event === 'UNREAD_KEPT'));
      const noted = events.reduce((sum, { detail }) => sum + Number(detail.objects), 0);
      assert.equal(noted, other.files.length);
    });

  const capture = (studyInstanceUid: string, over: Elements = {}, pixelBytes = 200) =>
    writePart10(
      {
        SOPClassUID: OTHERS['Secondary Capture of an MR'],
        SOPInstanceUID: newUid(),
        StudyInstanceUID: studyInstanceUid,
        SeriesInstanceUID: newUid(),
        Modality: 'OT',
        PatientID: 'BOTH',
        PatientName: 'DOE^JANE',
        PatientBirthDate: '19600101',
        ...over,
      },
      { pixelData: new Uint8Array(pixelBytes) },
    );

  it('beside an MR of the same study, which is read; what a capture calls its patient holds nothing up', async () => {
    const mr = invent('MR', 'BOTH', '20240110');
    await send([...mr.files, capture(mr.studyInstanceUid, { PatientName: 'SCANNED^PAPER', PatientID: 'X' })]);
    const { knex } = test.database;
    const caseOf = async () => (await listCases(knex, { mrStudyInstanceUid: mr.studyInstanceUid }))[0];
    await until(async () => (await caseOf()) !== undefined);
    const roles = (await listSeriesOfStudy(knex, mr.studyInstanceUid)).map(({ role }) => role);
    assert.deepEqual(roles, ['mr']);
    const view = (await readCaseView(knex, (await caseOf())!.id))!;
    assert.equal(view.identities.length, 1);
    assert.deepEqual(view.unread, [
      { sopClassUid: OTHERS['Secondary Capture of an MR'], objects: 1, dropped: 0 },
    ]);
  });

  it('a UID or a study that breaks every rule, where nothing hangs on it', async () => {
    const peer = await RawPeer.associate(agent.dicomPort, [
      { ...CT_CONTEXT, abstractSyntaxUid: OTHERS['Encapsulated PDF'] },
    ]);
    const sopInstanceUid = 'PDF-0001';
    const object = smallObject({
      sopClassUid: OTHERS['Encapsulated PDF'],
      sopInstanceUid,
      studyInstanceUid: '../../x',
    });
    assert.equal((await peer.store(object))!.status, STATUSES.success.code);
    assert.equal((await peer.store({ ...object, dataset: Buffer.alloc(5000, 'no DICOM') }, {}))!.status, 0);
    await peer.release();
    peer.destroy();
    await agent.settled();
    const [row] = await test.database.knex('unreadObject').where({ sopInstanceUid });
    assert.deepEqual((await bytesOf(row)).subarray(-8).toString(), 'no DICOM', 'the last one counts');
  });

  it('the oldest make room for the newest, and the row says so', async () => {
    const studyInstanceUid = newUid();
    const big = () => capture(studyInstanceUid, {}, 600_000);
    for (let i = 0; i < 3; i++) await send([big()]);
    const rows: UnreadObjectRow[] = await test.database
      .knex('unreadObject')
      .where({ studyInstanceUid })
      .orderBy('receivedAt');
    assert.deepEqual(
      rows.map(({ droppedAt }) => droppedAt === null),
      [false, false, true],
    );
    assert.equal(existsSync(join(test.config.dataDir, rows[0]!.spoolPath)), false);
    assert.equal(existsSync(join(test.config.dataDir, rows[2]!.spoolPath)), true);
    const unread = await countUnread(test.database.knex, studyInstanceUid);
    assert.deepEqual(unread, [{ sopClassUid: OTHERS['Secondary Capture of an MR'], objects: 3, dropped: 2 }]);
  });

  it('no commitment is given for what may have to make room', async () => {
    const result = await resultOf(
      {
        transactionUid: newUid(),
        references: [
          { sopClassUid: OTHERS['Encapsulated PDF'], sopInstanceUid: newUid() },
          { sopClassUid: SOP_CLASSES.mrImage.uid, sopInstanceUid: newUid() },
        ],
      },
      { findSopClasses: (uids) => findSopClasses(test.database.knex, uids) },
    );
    assert.deepEqual(
      result.failed.map(({ reason }) => reason),
      [STATUSES.sopClassNotSupported.code, STATUSES.noSuchSopInstance.code],
    );
  });
});

function datasetOf(file: Buffer): string {
  return file.subarray(decodeFileMeta(file)!.datasetOffset).toString('base64');
}

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { parseConfig } from '../../config/load.js';
import { listCases } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { findSeries, listSeriesOfStudy } from '../../db/tables/series.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { writePart10 } from '../dicom/writePart10.js';
import { invent } from '../query/site.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { storescu } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/receiver.js';

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
      dicom: { port: 0, otherSopClasses: 'keep' },
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

  for (const [what, SOPClassUID] of Object.entries(OTHERS))
    it(`${what}: stored as sent, in the index with its reason, never a case`, async () => {
      const other = invent('MR', 'OTHER', '20240110', { SOPClassUID });
      await send(other.files);
      const { knex } = test.database;
      await until(async () => (await findSeries(knex, other.seriesInstanceUid))?.state === 'complete');
      const series = (await findSeries(knex, other.seriesInstanceUid))!;
      assert.equal(series.role, 'ignored');
      assert.match(series.roleReason, /^kept unread: SOP class /);
      assert.deepEqual(await listCases(knex, { mrStudyInstanceUid: other.studyInstanceUid }), []);
      const rows = await listInstances(knex, other.seriesInstanceUid);
      assert.deepEqual(
        rows.map((each) => each.sopClassUid),
        other.files.map(() => SOPClassUID),
      );
      const kept = await Promise.all(
        rows.map(({ spoolPath }) => readFile(join(test.config.dataDir, spoolPath))),
      );
      assert.deepEqual(
        kept.map(datasetOf).toSorted(),
        other.files.map((file) => datasetOf(Buffer.from(file))).toSorted(),
      );
    });

  it('beside an MR of the same study, which is read', async () => {
    const mr = invent('MR', 'BOTH', '20240110');
    const shot = writePart10({
      SOPClassUID: OTHERS['Secondary Capture of an MR'],
      SOPInstanceUID: newUid(),
      StudyInstanceUID: mr.studyInstanceUid,
      SeriesInstanceUID: newUid(),
      Modality: 'OT',
      PatientID: 'BOTH',
      PatientName: 'DOE^JANE',
      PatientBirthDate: '19600101',
    });
    await send([...mr.files, shot]);
    const { knex } = test.database;
    await until(async () => (await listCases(knex, { mrStudyInstanceUid: mr.studyInstanceUid })).length > 0);
    const roles = (await listSeriesOfStudy(knex, mr.studyInstanceUid)).map(({ role }) => role).toSorted();
    assert.deepEqual(roles, ['ignored', 'mr']);
  });
});

function datasetOf(file: Buffer): string {
  return file.subarray(decodeFileMeta(file)!.datasetOffset).toString('base64');
}

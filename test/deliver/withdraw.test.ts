import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openNotices } from '../../agent/deliver/notices.js';
import { withdraw } from '../../agent/deliver/withdraw.js';
import { buildRejectionNote, REJECTIONS, type RejectionReason } from '../../agent/report/rejectionNote.js';
import { parseConfig } from '../../config/load.js';
import { listAudit } from '../../db/tables/audit.js';
import { listNotices } from '../../db/tables/notices.js';
import { reportInput } from '../report/sample.js';
import { quietLog, useDatabase } from '../support/database.js';
import { runTool } from '../support/dcmtk.js';
import { fhirServer } from '../support/fhirServer.js';
import { startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';
import { hl7Receiver } from './hl7Receiver.js';
import { insertReportedCase } from './reportedCase.js';

describe('deliver: a result is withdrawn', function () {
  this.timeout(90_000);
  const db = useDatabase();
  const request = {
    reason: 'the coil was of another patient',
    because: 'worklist',
    actor: 'user:qa',
  } as const;

  it('everybody who has it is told in the words of his channel, once, and nobody else', async function () {
    needsPeer(this, 'orthanc', 'hl7', 'dicom3tools');
    const [orthanc, plain] = [await startOrthanc(), await startOrthanc()];
    const [ris, server] = [await hl7Receiver(['AA']), await fhirServer()];
    const folder = await testFolder();
    const dimse = (
      name: string,
      { dicomPort: port, aet: aeTitle }: typeof orthanc,
      more = {},
    ): DestinationInput => ({
      name,
      aeTitle,
      host: '127.0.0.1',
      port,
      ...more,
    });
    const destinations: DestinationInput[] = [
      dimse('pacs', orthanc, { rejectionNotes: true }),
      dimse('archive', plain),
      { name: 'ris', channel: 'hl7', host: '127.0.0.1', port: ris.port },
      { name: 'record', channel: 'fhir', url: server.url },
    ];
    const config = parseConfig({ route: { destinations }, deliver: { firstRetryMs: 1 } });
    const notices = await openNotices({ config, database: db.database, log: quietLog });
    try {
      const sent = await channelCase(db, destinations);
      assert.equal(await sent.untilSettled(), 'delivered');
      await db.database.knex('case').where({ id: sent.row.id }).update({ state: 'delivered' });
      const { told, untold } = await db.database.knex.transaction((trx) =>
        withdraw(trx, config, { ...request, caseId: sent.row.id }),
      );
      assert.deepEqual([told.toSorted(), untold], [['pacs', 'record', 'ris'], ['archive']]);
      notices.begin();
      await until(async () =>
        (await listNotices(db.database.knex, sent.row.id)).every(({ state }) => state === 'stored'),
      );
      assert.deepEqual(
        ris.messages.map(({ status }) => status),
        [['P'], ['W']],
      );
      assert.deepEqual(
        new Set(server.of('Observation').map(({ status }) => status)),
        new Set(['entered-in-error']),
      );
      assert.match(String(server.of('DiagnosticReport')[0]!.conclusion), /^Withdrawn: the coil/);
      assert.equal((await plain.rest<unknown[]>('/instances')).length, 2);
      const series =
        await orthanc.rest<{ MainDicomTags: { Modality: string }; Instances: string[] }[]>('/series?expand');
      const note = series.find(({ MainDicomTags }) => MainDicomTags.Modality === 'KO')!;
      const file = join(folder.dir, 'ko.dcm');
      await writeFile(file, await orthanc.bytes(`/instances/${note.Instances[0]}/file`));
      const { output } = await runTool('dciodvfy', [file]);
      assert.doesNotMatch(output, /^(\(.*\) - )?Error/m);
      const { output: dump } = await runTool('dsrdump', [file]);
      assert.match(dump, /Incorrect Modality Worklist Entry/);
      assert.ok((await readFile(file, 'latin1')).includes(sent.report.sopInstanceUid), 'it names the SR');
      assert.equal(dump.match(/<contains (IMAGE|COMPOSITE):/g)?.length, 2, dump);
      const [row] = await db.database.knex('case').where({ id: sent.row.id }).select('*');
      assert.deepEqual([row.state, row.closedBecause], ['closed', `withdrawn: ${request.reason}`]);
      const events = (await listAudit(db.database.knex, 'report', sent.report.sopInstanceUid)).filter(
        ({ event }) => event === 'RESULT_WITHDRAWN',
      );
      assert.deepEqual(
        events.map(({ actor, detail }) => [actor, detail.untold]),
        [['user:qa', ['archive']]],
      );
    } finally {
      await notices.close();
      await Promise.all([orthanc.stop(), plain.stop(), ris.close(), folder.remove()]);
      server.close();
    }
  });

  it('is refused while the case is being read or sent, without a report, and a second time', async () => {
    const { row } = await insertReportedCase(db.database);
    const { knex } = db.database;
    const config = parseConfig({});
    const attempt = () => knex.transaction((trx) => withdraw(trx, config, { ...request, caseId: row.id }));
    await knex('case').where({ id: row.id }).update({ state: 'located' });
    await assert.rejects(attempt(), { code: 'WITHDRAWAL_REFUSED', message: /being read again/ });
    await knex('case').where({ id: row.id }).update({ state: 'reported', owner: 1 });
    await assert.rejects(attempt(), { code: 'WITHDRAWAL_REFUSED', message: /being sent at this moment/ });
    await knex('case').where({ id: row.id }).update({ owner: null });
    assert.deepEqual(await attempt(), { told: [], untold: [] });
    await assert.rejects(attempt(), { code: 'WITHDRAWAL_REFUSED', message: /closed already/ });
  });

  it('a rejection note is a valid Key Object Selection, whatever the reason', async function () {
    needsPeer(this, 'dicom3tools', 'dcmtk');
    const folder = await testFolder();
    const { studyInstanceUid } = reportInput().study;
    const objects = [
      {
        sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
        sopInstanceUid: '1.2.3',
        seriesInstanceUid: '1.2',
        studyInstanceUid,
      },
    ];
    const at = new Date('2026-11-29T12:00:00Z');
    try {
      for (const reason of Object.keys(REJECTIONS) as RejectionReason[]) {
        const note = () => buildRejectionNote(reportInput(), { reason, words: 'wrong', at, objects });
        assert.deepEqual(note(), note());
        await writeFile(join(folder.dir, 'ko.dcm'), note().file);
        const { output } = await runTool('dciodvfy', [join(folder.dir, 'ko.dcm')]);
        assert.doesNotMatch(output, /^(\(.*\) - )?(Error|Warning)/m);
      }
    } finally {
      await folder.remove();
    }
  });
});

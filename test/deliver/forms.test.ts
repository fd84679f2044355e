import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deliverReport } from '../../agent/deliver/deliver.js';
import { objectsAt } from '../../agent/deliver/withdraw.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { casePage } from '../../agent/expose/pages/case.js';
import type { DicomForm } from '../../config/destinations.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { countWithoutForm, listDeliveries } from '../../db/tables/deliveries.js';
import { findReportObject, listReportObjects } from '../../db/tables/reportObjects.js';
import type { ReportRow } from '../../db/tables/reports.js';
import type { Route } from '../../db/tables/results.js';
import { readCaseView } from '../../db/views/caseView.js';
import { quietLog, useDatabase } from '../support/database.js';
import { runTool } from '../support/dcmtk.js';
import { startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { answeringScp, answeringScpWithout } from './answeringScp.js';
import { insertReportedCase, insertRoutedCase } from './reportedCase.js';

type DestinationInput = NonNullable<NonNullable<ConfigInput['route']>['destinations']>[number];

const to = (name: string, port: number, forms?: DicomForm[]): DestinationInput => ({
  name,
  aeTitle: 'PACS',
  host: '127.0.0.1',
  port,
  ...(forms ? { forms } : {}),
});

const routeTo = (...names: string[]): Route => ({
  mode: 'live',
  rule: null,
  urgency: 'routine',
  sends: names.map((destination) => ({ destination, forms: ['sr', 'sc', 'gsps', 'pdf'] })),
  why: null,
});

describe('deliver: a report in its forms', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let row: CaseRow;
  let report: ReportRow;
  beforeEach(async () => {
    ({ row, report } = await insertRoutedCase(db.database, routeTo('pacs', 'second')));
  });

  const deliver = (destinations: DestinationInput[], caseRow = row) => {
    const { dicom, deliver, route } = parseConfig({ route: { destinations }, deliver: { firstRetryMs: 1 } });
    const config = { dicom, deliver, route };
    return deliverReport({ config, database: db.database, log: quietLog, case: caseRow });
  };
  const picture = async () => (await findReportObject(db.database.knex, report.id, 'sc'))!;
  const deliveries = () => listDeliveries(db.database.knex, report.id);
  const afterBackOff = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('SR and picture go over one association, and a retry sends what is lacking', async () => {
    const pacs = await answeringScp(0x0000, 0xa700, 0x0000);
    assert.ok('retryAt' in Object(await deliver([to('pacs', pacs.port)])));
    assert.deepEqual([pacs.associations(), pacs.received.length], [1, 2]);
    await afterBackOff();
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    const sc = (await picture()).sopInstanceUid;
    assert.deepEqual(pacs.received, [report.sopInstanceUid, sc, sc]);
    assert.deepEqual((await deliveries())[0]!.forms, ['sr', 'sc']);
    pacs.close();
  });

  it('a PACS that takes no pictures has the SR and keeps no case; what it refused is told and counted', async () => {
    const pacs = await answeringScp(0x0000, 0x0122);
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    const [row] = await deliveries();
    assert.deepEqual([row!.state, row!.forms, row!.lastErrorCode], ['stored', ['sr'], 'DESTINATION_REFUSED']);
    assert.match(row!.lastError!, /^picture \(sc\): PACS answered 0122/);
    const [event] = await db.database
      .knex('auditEvent')
      .where({ event: 'REPORT_SENT', subjectId: report.sopInstanceUid });
    assert.match(event.detail.without, /0122/);
    assert.ok((await countWithoutForm(db.database.knex)).some(({ destination }) => destination === 'pacs'));
    const view = (await readCaseView(db.database.knex, report.caseId))!;
    assert.match(
      casePage(view, { texts: [], prevalence: 0.015 }).toString(),
      /without what it refused: picture \(sc\): PACS answered 0122/,
    );
    pacs.close();
  });

  it('a PACS of one association that does not know the class of pictures has the SR, and never two at once', async () => {
    const pacs = await answeringScpWithout(SOP_CLASSES.secondaryCapture.uid, 0x0000);
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    const [row] = await deliveries();
    assert.deepEqual([row!.state, row!.forms, pacs.received], ['stored', ['sr'], [report.sopInstanceUid]]);
    assert.equal(pacs.mostAtOnce(), 1);
    pacs.close();
  });

  it('one that refuses the SR parks the case, whatever becomes of the picture', async () => {
    const pacs = await answeringScp(0x0122, 0x0000);
    assert.match(Object(await deliver([to('pacs', pacs.port)])).parked, /PACS answered 0122/);
    // What is drawn is not drawn for nobody.
    assert.equal(pacs.received.length, 1);
    assert.equal(await findReportObject(db.database.knex, report.id, 'sc'), null);
    pacs.close();
  });

  it('a destination gets the forms of its setting, every one the same bytes', async () => {
    const [both, one] = [await answeringScp(0x0000), await answeringScp(0x0000)];
    assert.equal(await deliver([to('pacs', both.port), to('second', one.port, ['sc'])]), 'delivered');
    const { sopInstanceUid, fileSha256 } = await picture();
    assert.deepEqual([both.received.length, one.received], [2, [sopInstanceUid]]);
    const taken = await db.database
      .knex('deliveryForm')
      .whereIn(
        'deliveryId',
        (await deliveries()).map(({ id }) => id),
      )
      .andWhere({ form: 'sc' })
      .pluck('sha256');
    assert.deepEqual(new Set(taken), new Set([fileSha256]));
    both.close();
    one.close();
  });

  const ALL: DicomForm[] = ['sr', 'sc', 'gsps', 'pdf'];

  it('one that takes a report, a picture and a page, and no presentation state, keeps no case', async () => {
    const pacs = await answeringScp(0x0000, 0x0000, 0x0122, 0x0000);
    assert.equal(await deliver([to('pacs', pacs.port, ALL)]), 'delivered');
    const [row] = await deliveries();
    assert.deepEqual([row!.state, row!.forms.toSorted()], ['stored', ['pdf', 'sc', 'sr']]);
    assert.match(row!.lastError!, /^presentation state \(gsps\): PACS answered 0122/);
    const kept = await listReportObjects(db.database.knex, report.id);
    assert.deepEqual(
      kept.map(({ form }) => form),
      ['gsps', 'pdf', 'sc'],
    );
    assert.deepEqual(
      await objectsAt(db.database.knex, report.caseId, 'pacs', 1).then((all) => all.length),
      3,
      'a rejection note names what it has',
    );
    pacs.close();
  });

  it('a report of an older version, of which nothing else is known, goes as an SR', async () => {
    const older = await insertReportedCase(db.database);
    const pacs = await answeringScp(0x0000);
    assert.equal(await deliver([to('pacs', pacs.port)], older.row), 'delivered');
    assert.deepEqual(pacs.received, [older.report.sopInstanceUid]);
    pacs.close();
  });

  it('a destination that came after the decision gets nothing of it', async () => {
    const [pacs, late] = [await answeringScp(0x0000), await answeringScp(0x0000)];
    assert.equal(await deliver([to('pacs', pacs.port), to('late', late.port)]), 'delivered');
    assert.deepEqual([pacs.received.length, late.received.length], [2, 0]);
    pacs.close();
    late.close();
  });

  it('Orthanc has every form beside the images, valid, and once however often they are sent', async function () {
    needsPeer(this, 'orthanc', 'dicom3tools');
    const orthanc = await startOrthanc();
    const folder = await mkdtemp(join(tmpdir(), 'calcidisc-forms-'));
    try {
      assert.equal(await deliver([to('pacs', orthanc.dicomPort, ALL)]), 'delivered');
      await db.database.knex('deliveryForm').delete();
      await db.database.knex('delivery').update({ state: 'pending' });
      assert.equal(await deliver([to('pacs', orthanc.dicomPort, ALL)]), 'delivered');
      const studies = await orthanc.rest<unknown[]>('/studies');
      const instances =
        await orthanc.rest<{ ID: string; MainDicomTags: { SOPInstanceUID: string } }[]>('/instances?expand');
      const others = await listReportObjects(db.database.knex, report.id);
      assert.deepEqual([studies.length, others.length], [1, 3]);
      assert.deepEqual(
        instances.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID).toSorted(),
        [report, ...others].map(({ sopInstanceUid }) => sopInstanceUid).toSorted(),
      );
      for (const { ID } of instances) {
        await writeFile(join(folder, `${ID}.dcm`), await orthanc.bytes(`/instances/${ID}/file`));
        const { output } = await runTool('dciodvfy', [join(folder, `${ID}.dcm`)]);
        assert.doesNotMatch(output, /^(\(.*\) - )?Error/m);
      }
    } finally {
      await orthanc.stop();
      await rm(folder, { recursive: true });
    }
  });
});

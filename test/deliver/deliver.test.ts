import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { deliverReport } from '../../agent/deliver/deliver.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { readReport } from '../../agent/report/tree.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { listAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listDeliveries } from '../../db/tables/deliveries.js';
import type { ReportRow } from '../../db/tables/reports.js';
import { quietLog, useDatabase } from '../support/database.js';
import { freePort, startStorescp } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { answeringScp } from './answeringScp.js';
import { insertReportedCase } from './reportedCase.js';

type DestinationInput = NonNullable<NonNullable<ConfigInput['route']>['destinations']>[number];

const to = (name: string, port: number, aeTitle = 'PACS'): DestinationInput => ({
  name,
  aeTitle,
  host: '127.0.0.1',
  port,
});

describe('deliver', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let row: CaseRow;
  let report: ReportRow;
  beforeEach(async () => {
    ({ row, report } = await insertReportedCase(db.database));
  });

  const deliver = (destinations: DestinationInput[], policy: ConfigInput['deliver'] = {}, caseRow = row) => {
    const { dicom, deliver, route } = parseConfig({
      route: { destinations },
      deliver: { firstRetryMs: 1, ...policy },
    });
    return deliverReport({
      config: { dicom, deliver, route },
      database: db.database,
      log: quietLog,
      case: caseRow,
    });
  };
  const deliveries = () => listDeliveries(db.database.knex, report.id);
  const audit = async () =>
    (await listAudit(db.database.knex, 'report', report.sopInstanceUid)).map(({ event, detail }) => [
      event,
      detail.destination,
      detail.status,
    ]);
  /** Until the back-off of the last attempt is over. */
  const afterBackOff = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('stores the bytes that were built, and no others, with DCMTK storescp', async function () {
    needsPeer(this, 'dcmtk');
    const pacs = await startStorescp();
    try {
      assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
      const [file, ...more] = await pacs.files();
      assert.deepEqual(more, []);
      assert.deepEqual(dataset(await readFile(file!)), dataset(Buffer.from(report.file!)));
      const [delivery] = await deliveries();
      assert.deepEqual([delivery!.state, delivery!.attempts, delivery!.lastStatus], ['stored', 1, '0000']);
      assert.deepEqual(await audit(), [['REPORT_SENT', 'pacs', '0000']]);
    } finally {
      await pacs.stop();
    }
  });

  it('sends nothing again to who has it', async () => {
    const pacs = await answeringScp(0x0000);
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    assert.deepEqual(pacs.received, [report.sopInstanceUid]);
    assert.equal((await audit()).length, 1);
    pacs.close();
  });

  it('waits while a destination is down, and delivers when it is up', async () => {
    const port = await freePort();
    const waiting = await deliver([to('pacs', port)]);
    assert.ok(typeof waiting === 'object' && 'retryAt' in waiting);
    const [failed] = await deliveries();
    assert.deepEqual([failed!.state, failed!.lastErrorCode], ['pending', 'DESTINATION_UNREACHABLE']);
    assert.deepEqual(waiting.retryAt, failed!.nextAttemptAt);
    const pacs = await answeringScp(0x0000);
    await afterBackOff();
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    const [delivery] = await deliveries();
    assert.deepEqual([delivery!.state, delivery!.attempts, delivery!.lastErrorCode], ['stored', 2, null]);
    pacs.close();
  });

  it('leaves a destination alone until its back-off is over', async () => {
    const pacs = await answeringScp(0xa700, 0x0000);
    const policy = { firstRetryMs: 60_000 };
    const first = await deliver([to('pacs', pacs.port)], policy);
    assert.deepEqual(await deliver([to('pacs', pacs.port)], policy), first);
    assert.equal(pacs.received.length, 1);
    pacs.close();
  });

  it('is delivered only when every destination has it, and sends each its report once', async () => {
    const [ready, busy] = [await answeringScp(0x0000), await answeringScp(0xa700, 0x0000)];
    const both = [to('ready', ready.port), to('busy', busy.port)];
    assert.ok(typeof (await deliver(both)) === 'object');
    await afterBackOff();
    assert.equal(await deliver(both), 'delivered');
    assert.deepEqual([ready.received.length, busy.received.length], [1, 2]);
    ready.close();
    busy.close();
  });

  it('asks for a person when one destination refuses, after the others have it', async () => {
    const [never, busy] = [await answeringScp(0xc000), await answeringScp(0xa700, 0x0000)];
    const both = [to('never', never.port), to('busy', busy.port)];
    assert.ok('retryAt' in Object(await deliver(both)));
    await afterBackOff();
    const parked = Object(await deliver(both));
    assert.match(parked.parked, /^never: PACS answered C000/);
    assert.deepEqual([never.received.length, busy.received.length], [1, 2]);
    assert.deepEqual((await audit()).toSorted(), [
      ['REPORT_REFUSED', 'never', 'C000'],
      ['REPORT_SENT', 'busy', '0000'],
    ]);
    never.close();
    busy.close();
  });

  it('tries a parked destination again when a person has unparked the case', async () => {
    const pacs = await answeringScp(0xa900, 0x0000);
    assert.ok('parked' in Object(await deliver([to('pacs', pacs.port)])));
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    assert.deepEqual(
      (await deliveries()).map(({ state }) => state),
      ['stored'],
    );
    pacs.close();
  });

  it('gives up after the time that is set, and says what was wrong', async () => {
    const long = { ...row, stateSince: new Date(0) };
    const [port, policy] = [await freePort(), { giveUpAfterMs: 1 }];
    await deliver([to('pacs', port)], { giveUpAfterMs: 60_000 }, long);
    await afterBackOff();
    const parked = Object(await deliver([to('pacs', port)], policy, long));
    assert.match(parked.parked, /^pacs: given up after 2 attempts: /);
    assert.equal((await deliveries())[0]!.lastErrorCode, 'DESTINATION_UNREACHABLE');
  });

  it('takes "duplicate" for stored only after an attempt whose answer was lost', async () => {
    const forgetful = await answeringScp(null, 0x0111);
    assert.ok('retryAt' in Object(await deliver([to('pacs', forgetful.port)])));
    await afterBackOff();
    assert.equal(await deliver([to('pacs', forgetful.port)]), 'delivered');
    assert.deepEqual(forgetful.received, [report.sopInstanceUid, report.sopInstanceUid]);
    forgetful.close();
  });

  it('does not wait for a destination that is no longer configured', async () => {
    const pacs = await answeringScp(0x0000);
    await deliver([to('gone', await freePort())]);
    assert.equal(await deliver([to('pacs', pacs.port)]), 'delivered');
    pacs.close();
  });

  it('has nothing to do without destinations', async () => assert.equal(await deliver([]), 'delivered'));

  it('refuses a case without a report', async () => {
    await assert.rejects(deliver([], {}, { ...row, revision: 0 }), { code: 'REPORT_INVALID' });
  });

  describe('to Orthanc', () => {
    let orthanc: RunningOrthanc | undefined;
    before(async function () {
      needsPeer(this, 'orthanc');
      orthanc = await startOrthanc({ aet: 'ORTHANC', configuration: { DicomCheckCalledAet: true } });
    });
    after(async () => {
      await orthanc?.stop();
    });

    it('stores the report beside the patient, as an SR', async () => {
      assert.equal(await deliver([to('orthanc', orthanc!.dicomPort, 'ORTHANC')]), 'delivered');
      const [id] = await orthanc!
        .post<string[]>('/tools/lookup', report.sopInstanceUid)
        .then((found) => (found as unknown as { ID: string }[]).map(({ ID }) => ID));
      const tags = await orthanc!.rest<Record<string, string>>(`/instances/${id}/simplified-tags`);
      assert.deepEqual([tags.Modality, tags.CompletionFlag], ['SR', 'COMPLETE']);
      // Orthanc writes the data set anew, with other lengths: what it says must be the same.
      const stored = await orthanc!.bytes(`/instances/${id}/file`);
      assert.deepEqual(readReport(stored), readReport(report.file!));
    });

    it('keeps one report when an attempt was not written down before its process died', async () => {
      const destination = to('orthanc', orthanc!.dicomPort, 'ORTHANC');
      assert.equal(await deliver([destination]), 'delivered');
      await db.database.knex('delivery').where({ reportId: report.id }).update({ state: 'pending' });
      assert.equal(await deliver([destination]), 'delivered');
      const found = await orthanc!.post<unknown[]>('/tools/lookup', report.sopInstanceUid);
      assert.equal(found.length, 1);
    });

    it('parks the report when Orthanc does not go by the AE title that was called', async () => {
      const parked = Object(await deliver([to('orthanc', orthanc!.dicomPort, 'NOBODY')]));
      assert.match(parked.parked, /^orthanc: .*called AE title not recognised/i);
      const [delivery] = await deliveries();
      assert.deepEqual(
        [delivery!.state, delivery!.lastErrorCode, delivery!.lastStatus],
        ['parked', 'DESTINATION_REFUSED', null],
      );
    });
  });
});

/** What follows the file meta information, which names who wrote the file. */
function dataset(file: Buffer): Buffer {
  return file.subarray(decodeFileMeta(file)!.datasetOffset);
}

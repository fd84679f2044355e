import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { type FoundItem, findEverywhere } from '../../agent/expose/find.js';
import { type RunningService, startService } from '../../cli/service.js';
import { askForPrior } from '../../db/tables/priorFetches.js';
import { type Invented, invent } from '../query/site.js';
import { calcidisc } from '../support/command.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';

const PDF = '1.2.840.10008.5.1.4.1.1.104.1';

/** Everything that ever arrived, sent by DICOM to a running agent where it can be: where it is, and why. */
describe('where is my study?', function () {
  this.timeout(60_000);
  let dir: string;
  let test: TestDatabase;
  let service: RunningService;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-find-'));
    test = await createTestDatabase();
    const config = serviceConfig(test, {
      dicom: { port: 0, allowedCallingAEs: ['MR1'], otherSopClasses: 'keep' },
      assemble: { quietPeriodMs: 300 },
    });
    service = await startService(config, quietLog, { agent: true, worker: false });
  });
  after(async () => {
    await service?.close();
    await test?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const send = async ({ files }: Pick<Invented, 'files'>, callingAe = 'MR1') => {
    const folder = await mkdtemp(join(dir, 'send-'));
    const paths = files.map((_, i) => join(folder, `${i}.dcm`));
    await Promise.all(files.map((bytes, i) => writeFile(paths[i]!, bytes)));
    const to = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe };
    return storeFiles({ ...to, files: paths });
  };
  const find = async (text: string) =>
    (await findEverywhere({ dataDir: test.config.dataDir, knex: test.database.knex }, text)).items;
  /** Until it says so: the index runs behind the senders. */
  const found = async (text: string, where: RegExp): Promise<FoundItem> =>
    until(async () => (await find(text)).find((item) => where.test(item.where)));

  it('ignored: by accession number, patient ID, any UID and part of the name, with the rule’s reason', async () => {
    const head = invent('MR', 'P-HEAD', '20240110', {
      AccessionNumber: 'A-1',
      PatientName: 'Ignored^Ida',
      BodyPartExamined: 'HEAD',
      SeriesDescription: 'brain',
    });
    await send(head);
    const { why } = await found('A-1', /^kept, not read$/);
    assert.match(why!, /route\.mr|HEAD/);
    for (const text of ['P-HEAD', 'ida ignored', head.studyInstanceUid, head.seriesInstanceUid])
      assert.equal((await find(text)).length, 1, text);
    const { sopInstanceUid } = await test.database.knex('instance').first('sopInstanceUid');
    assert.equal((await find(sopInstanceUid))[0]?.uid, head.seriesInstanceUid);
    const { code, stdout, stderr } = await calcidisc(['find', 'A-1'], { env: ownEnv() });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^patient P-HEAD, accession A-1: MR brain.*\n {2}kept, not read\n/);
    assert.ok(!stdout.includes('Ida'), 'no names on a terminal');
  });

  const ownEnv = () => ({
    CALCIDISC_DATA: test.config.dataDir,
    DATABASE_URL: test.config.database.url!,
  });

  it('kept unread: with its study, and alone, when only its file says whose it is', async () => {
    await send(invent('MR', 'P-PDF', '20240110', { SOPClassUID: PDF, AccessionNumber: 'A-2' }));
    const item = await found('A-2', /^kept unread$/);
    assert.deepEqual([item.kind, item.patientId], ['unread', 'P-PDF']);
    assert.match(item.what, /^6 Encapsulated PDF.* of MR1/);
    assert.equal((await found(item.uid!, /^kept unread$/)).uid, item.uid);
  });

  it('refused: an association by the sender’s title or address, an object by its UID, a class by the sender', async () => {
    await send(invent('CT', 'P-BAD', '20240110'), 'STRANGER').catch(() => undefined);
    const { what, why } = await found('STRANGER', /^refused/);
    assert.match(what, /^association: 1 times from STRANGER \(.*127\.0\.0\.1\)/);
    assert.match(why!, /calling AE|not recogni/i);
    const address = what.match(/\((.*?)\)/)![1]!;
    assert.ok((await find(address)).some((item) => item.what === what));
  });

  it('set aside, and waiting for the index: by what their files say', async () => {
    const { dataDir } = test.config;
    const write = async (place: string, patientId: string, reason?: string) => {
      const folder = join(dataDir, 'spool', place);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'one.dcm'), fileOf(smallObject({ patientId })));
      if (reason) await writeFile(join(folder, 'one.dcm.reason.txt'), reason);
    };
    await write('aside', 'P-ASIDE', 'INSTANCE_CONFLICT: other pixels under the same UID');
    await write('new', 'P-NEW');
    assert.match((await found('P-ASIDE', /^set aside: spool\/aside\/one\.dcm/)).why!, /INSTANCE_CONFLICT/);
    await found('P-NEW', /^acknowledged, waits for the index: spool\/new\/one\.dcm/);
    await rm(join(dataDir, 'spool/new/one.dcm'));
  });

  it('being fetched, and not fetched', async () => {
    const { seriesInstanceUid } = await test.database.knex('series').first('seriesInstanceUid');
    const dates = { anchorDate: '2024-01-10', dateFrom: '2023-12-13', dateTo: '2024-02-07' };
    const asked = { seriesInstanceUid, source: 'pacs', patientId: 'P-CT', issuerOfPatientId: '', ...dates };
    await test.database.knex.transaction((trx) => askForPrior(trx, { ...asked, wantedModality: 'CT' }));
    const update = { state: 'failed', reason: 'PACS does not know C-MOVE to CALCIDISC' };
    assert.equal((await find('P-CT'))[0]?.what, 'CT asked of pacs');
    await test.database.knex('priorFetch').where({ patientId: 'P-CT' }).update(update);
    assert.match((await found('P-CT', /^not fetched$/)).why!, /C-MOVE/);
  });

  it('a case: in which state it is and why, by its id', async () => {
    const row = await insertLocatedCase(test.database, regionsOf([await pngOf(greyRegion(40))]));
    const { mrSeriesInstanceUid: seriesInstanceUid } = row;
    await test.database.knex('series').where({ seriesInstanceUid }).update({ state: 'complete', role: 'mr' });
    const { knex } = test.database;
    await knex('case').where({ id: row.id }).update({ waitingFor: 'a classifier: none is active' });
    const { where, why } = (await find(row.id))[0]!;
    assert.deepEqual([where, why], ['discs located', 'waits: a classifier: none is active']);
    const parked = { state: 'parked', lastErrorCode: 'REPORT_INVALID', lastError: 'no patient ID' };
    await knex('case').where({ id: row.id }).update(parked);
    assert.deepEqual((await find(row.id))[0]!.why, 'REPORT_INVALID: no patient ID');
  });

  it('nothing: exit code 3, and the page says what else may be', async () => {
    const { code, stdout } = await calcidisc(['find', 'NOWHERE', '--json'], { env: ownEnv() });
    assert.deepEqual([code, JSON.parse(stdout)], [3, { items: [], isCut: false }]);
    const page = await fetch(`http://127.0.0.1:${service.httpPort}/find?q=NOWHERE`);
    assert.match(await page.text(), /Nothing that has arrived here is known by/);
  });
});

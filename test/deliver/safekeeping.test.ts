import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deliverReport } from '../../agent/deliver/deliver.js';
import { openSafekeeping, type Safekeeping } from '../../agent/deliver/safekeeping.js';
import { newUid } from '../../agent/dicom/uid.js';
import { casePage } from '../../agent/expose/pages/case.js';
import { parseConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import type { ConfigInput } from '../../config/schema.js';
import { listAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase, reviseCase, unparkCase } from '../../db/tables/cases.js';
import { type DeliveryRow, listDeliveries } from '../../db/tables/deliveries.js';
import type { ReportRow } from '../../db/tables/reports.js';
import { readCaseView } from '../../db/views/caseView.js';
import { startCalcidisc } from '../support/calcidiscProcess.js';
import { createTestDatabase, quietLog, useDatabase } from '../support/database.js';
import { freePort, runTool } from '../support/dcmtk.js';
import { startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { type CommittingScp, committingScp, type Promised } from './committingScp.js';
import { insertReportedCase } from './reportedCase.js';
import { valve } from './valve.js';

const NO_SUCH_OBJECT = 0x0112;
const NOT_SUPPORTED = 0x0122;
const RESOURCES = 0x0213;

describe('storage commitment for our reports', () => {
  const db = useDatabase();
  let row: CaseRow;
  let report: ReportRow;
  let pacs: CommittingScp;
  let keeping: Safekeeping | undefined;
  let woken: CaseRow[];
  let config: ReturnType<typeof parseConfig>;
  beforeEach(async () => {
    // One test's requests are not the next one's.
    await db.database.knex('delivery').update({ commitment: 'none' });
    ({ row, report } = await insertReportedCase(db.database));
    woken = [];
  });
  afterEach(async () => {
    await keeping?.close();
    pacs?.close();
    keeping = undefined;
  });

  /** A PACS with these words, our keeper beside it, and the report delivered there. */
  async function deliverTo(words: readonly Promised[], policy: ConfigInput['deliver'] = {}, offers = true) {
    pacs = await committingScp(words, { offers });
    const destination = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port };
    config = parseConfig({
      route: { destinations: [{ ...destination, commitment: true }] },
      deliver: { firstRetryMs: 1, maxRetryMs: 20, ...policy },
    });
    await deliverAgain();
    keeping = openSafekeeping({
      config,
      database: db.database,
      log: quietLog,
      wake: (each) => void woken.push(each),
    });
    keeping.begin();
  }
  /** The deliver step, as it runs in the agent. */
  async function deliverAgain() {
    await new Promise((resolve) => setTimeout(resolve, 25));
    const current = (await findCase(db.database.knex, row.id))!;
    assert.equal(
      await deliverReport({ config, database: db.database, log: quietLog, case: current }),
      'delivered',
    );
    await db.database.knex('case').where({ id: row.id }).update({ state: 'delivered' });
  }
  const delivery = async () => (await listDeliveries(db.database.knex, report.id))[0]!;
  const untilIs = (state: DeliveryRow['commitment']) =>
    until(async () => (await delivery()).commitment === state);
  const caseNow = async () => (await findCase(db.database.knex, row.id))!;
  const events = async () =>
    (await listAudit(db.database.knex, 'report', report.sopInstanceUid))
      .toReversed()
      .map(({ event, detail }) => [event, detail.plan ?? detail.reason].filter(Boolean).join(' '));

  it('is asked for after Success, and confirmed on the same association', async () => {
    await deliverTo(['committed']);
    await untilIs('committed');
    const { commitmentAttempts, commitmentDueAt, committedAt } = await delivery();
    assert.deepEqual([commitmentAttempts, commitmentDueAt], [1, null]);
    assert.ok(committedAt);
    await until(async () => (await events()).length === 3);
    assert.deepEqual((await events()).toSorted(), [
      'COMMITMENT_CONFIRMED',
      'COMMITMENT_REQUESTED',
      'REPORT_SENT',
    ]);
    const [confirmed] = await db.database.knex('auditEvent').where({
      event: 'COMMITMENT_CONFIRMED',
      subjectId: report.sopInstanceUid,
    });
    assert.equal(confirmed.actor, 'ae:PACS');
    assert.equal((await caseNow()).state, 'delivered');
  });

  it('stands where people look: on the page, in calcidisc case, in JSON', async () => {
    await deliverTo(['committed']);
    await untilIs('committed');
    const view = (await readCaseView(db.database.knex, row.id))!;
    assert.match(
      casePage(view, { texts: [], prevalence: 0.015 }).toString(),
      /pacs: stored .*; storage committed \d{4}-/,
    );
    const cli = (...args: string[]) =>
      runTool(process.execPath, [join(projectRoot, 'bin/calcidisc.mjs'), 'case', row.id, ...args], {
        DATABASE_URL: db.config.database.url!,
      });
    assert.match((await cli()).stdout, /^ *pacs: stored \(sr\), 1 attempt; storage committed \d{4}-/m);
    assert.equal(JSON.parse((await cli('--json')).stdout).deliveries[0].commitment, 'committed');
  });

  it('is not asked of a destination without it', async () => {
    await deliverTo(['committed']);
    await untilIs('committed');
    const other = await insertReportedCase(db.database);
    const destinations = [{ ...config.route.destinations[0]!, commitment: false }];
    await deliverReport({
      config: { ...config, route: { ...config.route, destinations } },
      database: db.database,
      log: quietLog,
      case: other.row,
    });
    const [plain] = await listDeliveries(db.database.knex, other.report.id);
    assert.deepEqual([plain!.state, plain!.commitment], ['stored', 'none']);
  });

  it('a PACS that does not have the report after all gets it again, and is asked again', async () => {
    await deliverTo([NO_SUCH_OBJECT, 'committed']);
    await untilIs('resending');
    assert.deepEqual([(await delivery()).state, (await caseNow()).state], ['pending', 'reported']);
    assert.match((await delivery()).commitmentError!, /0112 \(no such object instance\)/);
    await until(() => woken.some(({ id, state }) => id === row.id && state === 'reported'));
    await deliverAgain();
    await untilIs('committed');
    assert.deepEqual(pacs.received, [report.sopInstanceUid, report.sopInstanceUid]);
    assert.equal(new Set(pacs.transactions).size, 2, 'each request has a transaction of its own');
    assert.ok((await events()).includes('COMMITMENT_FAILED send-again'));
  });

  it('one that loses it again and again is for a person, who may have it sent once more', async () => {
    await deliverTo([NO_SUCH_OBJECT, NO_SUCH_OBJECT, 'committed'], { commitment: { maxResends: 1 } });
    await untilIs('resending');
    await deliverAgain();
    await untilIs('failed');
    const parked = await caseNow();
    assert.deepEqual([parked.state, parked.parkedFrom], ['parked', 'reported']);
    assert.equal(parked.lastErrorCode, 'COMMITMENT_FAILED');
    assert.match(parked.lastError!, /^pacs does not keep the report: 0112 .* sent 2 times/);
    await db.database.knex.transaction((trx) => unparkCase(trx, { id: row.id, reason: 'mended' }));
    await deliverAgain();
    await untilIs('committed');
    assert.equal(pacs.received.length, 3);
  });

  it('a refusal for good parks at once: sending the same again would not help', async () => {
    await deliverTo([NOT_SUPPORTED]);
    await untilIs('failed');
    assert.equal((await caseNow()).state, 'parked');
    assert.equal(pacs.received.length, 1);
    assert.ok((await events()).includes('COMMITMENT_FAILED park'));
  });

  it('one that cannot say now is asked again, and the report is not sent twice', async () => {
    await deliverTo([RESOURCES, 'committed']);
    await untilIs('committed');
    assert.deepEqual([pacs.received.length, pacs.transactions.length], [1, 2]);
    assert.equal((await caseNow()).state, 'delivered');
  });

  it('silence: asked again under a new transaction; a late word on the first one counts', async () => {
    await deliverTo([null], { commitment: { answerMs: 20, maxAnswerMs: 20 } });
    await until(() => pacs.transactions.length >= 2);
    keeping!.reported({ transactionUid: pacs.transactions[0]!, committed: [report], failed: [] }, 'PACS');
    await untilIs('committed');
    const asked = pacs.transactions.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(pacs.transactions.length - asked <= 1, 'and is not asked any more');
  });

  it('a stale failure, the same word twice and a word on nothing of ours change nothing', async () => {
    await deliverTo([null], { commitment: { answerMs: 20, maxAnswerMs: 20 } });
    await until(() => pacs.transactions.length >= 2);
    const failed = [{ ...report, reason: NO_SUCH_OBJECT }];
    keeping!.reported({ transactionUid: pacs.transactions[0]!, committed: [], failed }, 'PACS');
    keeping!.reported({ transactionUid: newUid(), committed: [], failed }, 'STRANGER');
    keeping!.reported({ transactionUid: pacs.transactions.at(-1)!, committed: [], failed: [] }, 'PACS');
    const word = { transactionUid: pacs.transactions[1]!, committed: [report], failed: [] };
    keeping!.reported(word, 'PACS');
    keeping!.reported(word, 'PACS');
    await untilIs('committed');
    await keeping!.close();
    assert.equal((await events()).filter((event) => event === 'COMMITMENT_CONFIRMED').length, 1);
    assert.deepEqual([(await delivery()).state, (await caseNow()).state], ['stored', 'delivered']);
  });

  it('a PACS that offers none: the report is there, so the case stays delivered, and the page says what is missing', async () => {
    await deliverTo([null], {}, false);
    await untilIs('failed');
    assert.match((await delivery()).commitmentError!, /does no storage commitment/);
    assert.equal((await caseNow()).state, 'delivered');
    assert.ok((await events()).includes('COMMITMENT_FAILED none'));
  });

  it('a PACS that is away is asked when it is back', async () => {
    await deliverTo([null]);
    const { port } = pacs;
    await until(() => pacs.transactions.length === 1);
    pacs.close();
    await db.database.knex('delivery').where({ reportId: report.id }).update({ commitmentDueAt: new Date() });
    await until(async () => ((await delivery()).commitmentError ?? '').includes('ECONNREFUSED'));
    assert.ok(port);
    assert.equal((await delivery()).commitment, 'requested');
  });

  it('a failure of a report that a later revision amends is written down, and nothing is sent', async () => {
    await deliverTo([null]);
    await until(() => pacs.transactions.length === 1);
    await db.database.knex.transaction((trx) => reviseCase(trx, { id: row.id, reason: 'a late image' }));
    const failed = [{ ...report, reason: NO_SUCH_OBJECT }];
    keeping!.reported({ transactionUid: pacs.transactions[0]!, committed: [], failed }, 'PACS');
    await untilIs('failed');
    assert.match((await delivery()).commitmentError!, /revision 2 takes its place/);
    assert.deepEqual([(await delivery()).state, (await caseNow()).state], ['stored', 'received']);
  });

  /** An Orthanc that answers through a valve, a reported case, and the configuration of an agent between them. */
  async function besideOrthanc(changes: object) {
    const port = await freePort();
    const line = await valve(port);
    const orthanc = await startOrthanc({
      modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', line.port] },
      configuration: { DicomScuTimeout: 120 },
    });
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-safe-'));
    const test = await createTestDatabase();
    const own = await insertReportedCase(test.database);
    const destination = { name: 'pacs', aeTitle: 'ORTHANC', host: '127.0.0.1', port: orthanc.dicomPort };
    const siteOf = (commitment: boolean) => ({
      dataDir: dir,
      database: { url: test.config.database.url! },
      queue: { sweepMs: 500 },
      dicom: { port },
      http: { port: 0 },
      route: { destinations: [{ ...destination, commitment }] },
      ...changes,
    });
    const sent = async () => (await listDeliveries(test.database.knex, own.report.id))[0];
    const close = async () => {
      line.close();
      await orthanc.stop();
      await test.close();
      await rm(dir, { recursive: true, force: true });
    };
    return { line, orthanc, test, own, siteOf, sent, close };
  }

  it('with Orthanc, the agent killed (-9) between its request and the report of it', async function () {
    this.timeout(180_000);
    needsPeer(this, 'orthanc');
    const { line, test, own, siteOf, sent, close } = await besideOrthanc({});
    let agent = await startCalcidisc('agent', siteOf(true));
    try {
      await until(async () => line.callers() > 0 && (await sent())?.commitment === 'requested');
      await agent.kill();
      agent = await startCalcidisc('agent', siteOf(true));
      assert.equal((await sent())?.commitment, 'requested');
      line.open();
      await until(async () => (await sent())?.commitment === 'committed');
      assert.equal((await sent())?.commitmentAttempts, 1, 'the first request’s own answer');
      const row = await findCase(test.database.knex, own.row.id);
      assert.equal(row?.state, 'delivered');
    } finally {
      await agent.kill();
      await close();
    }
  });

  it('with Orthanc that has lost the report: it is sent again, and committed', async function () {
    this.timeout(180_000);
    needsPeer(this, 'orthanc');
    const { line, orthanc, test, own, siteOf, sent, close } = await besideOrthanc({
      deliver: { firstRetryMs: 50 },
    });
    line.open();
    let agent = await startCalcidisc('agent', siteOf(false));
    try {
      await until(async () => (await sent())?.state === 'stored');
      await agent.kill();
      for (const { ID } of await orthanc.post<{ ID: string }[]>('/tools/lookup', own.report.sopInstanceUid))
        await orthanc.remove(`/instances/${ID}`);
      await test.database.knex('delivery').update({ commitment: 'due', commitmentDueAt: new Date() });
      agent = await startCalcidisc('agent', siteOf(true));
      await until(async () => (await sent())?.commitment === 'committed');
      const { attempts, commitmentResends } = (await sent())!;
      assert.deepEqual([attempts, commitmentResends], [2, 1]);
      const found = await orthanc.post<unknown[]>('/tools/lookup', own.report.sopInstanceUid);
      assert.equal(found.length, 1);
    } finally {
      await agent.kill();
      await close();
    }
  });
});

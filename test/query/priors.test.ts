import assert from 'node:assert/strict';
import { withoutPixels } from '../../agent/expose/apiRoutes.js';
import { casePage } from '../../agent/expose/pages/case.js';
import { listCases } from '../../db/tables/cases.js';
import { findPairing, type PairingRow } from '../../db/tables/pairings.js';
import { listPriorFetches, listPriorSeries, type PriorFetchRow } from '../../db/tables/priorFetches.js';
import { findSeries } from '../../db/tables/series.js';
import { readCaseView } from '../../db/views/caseView.js';
import { freePort } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { movingScp } from './movingScp.js';
import {
  drawing,
  gateTo,
  type Invented,
  invent,
  keepIn,
  openSite,
  type Site,
  scan,
  sourceOf,
} from './site.js';

const sourceAt = (port: number) => ({ name: 'pacs', aeTitle: 'MOVES', host: '127.0.0.1', port });

describe('query: prior fetch from a real PACS', function () {
  this.timeout(120_000);
  let site: Site;
  let spine: Awaited<ReturnType<typeof drawing>>;
  const draw: typeof spine.draw = (...series) => spine.draw(...series);

  before(async function () {
    needsPeer(this, 'orthanc');
    site = await openSite();
    spine = await drawing();
  });
  afterEach(() => site?.stop());
  after(async () => {
    await site?.close();
    await spine?.close();
  });

  const knex = () => site.test.database.knex;
  const fetchOf = async ({ seriesInstanceUid }: Invented) =>
    (await listPriorFetches(knex(), seriesInstanceUid))[0];
  const untilFetch = (series: Invented, state: PriorFetchRow['state']) =>
    until(async () => {
      const row = await fetchOf(series);
      return row?.state === state && row;
    });
  const pairingOf = (mr: Invented, revision = 1): Promise<PairingRow> =>
    until(async () => {
      const [row] = await listCases(knex(), { mrStudyInstanceUid: mr.studyInstanceUid });
      return row && findPairing(knex(), row.id, revision);
    });
  const revisionOf = async (mr: Invented) =>
    (await listCases(knex(), { mrStudyInstanceUid: mr.studyInstanceUid }))[0]?.revision;
  const eventsOf = async ({ seriesInstanceUid }: Invented): Promise<string[]> =>
    knex()('auditEvent').where({ subjectId: seriesInstanceUid }).orderBy('seq').pluck('event');

  it('an MR that comes alone is paired with the CT that the PACS has, in its first revision', async () => {
    const [mr, ct] = [await draw('MR', 'A', '20240110'), await draw('CT', 'A', '20240120')];
    await keepIn(site.orthanc, ct);
    await site.start();
    await scan(mr, site.port);
    const pairing = await pairingOf(mr);
    assert.deepEqual([pairing.outcome, pairing.ctSeriesInstanceUid], ['paired', ct.seriesInstanceUid]);
    const fetch = await untilFetch(mr, 'done');
    assert.deepEqual([fetch.seriesMoved, fetch.instancesMoved, fetch.attempts], [1, ct.files.length, 1]);
    assert.equal(await revisionOf(mr), 1, 'the case has waited for the CT');
    const events = await eventsOf(mr);
    assert.ok(events.includes('PACS_QUERIED') && events.includes('PRIOR_FETCHED'), events.join());
    assert.equal(await fetchOf(ct), undefined, 'a CT that we fetched asks for nothing itself');
  });

  it('a CT that comes alone brings the MR that the PACS has, which becomes a case', async () => {
    const [mr, ct] = [await draw('MR', 'B', '20240110'), await draw('CT', 'B', '20240120')];
    await keepIn(site.orthanc, mr);
    await site.start();
    await scan(ct, site.port);
    assert.equal((await pairingOf(mr)).ctSeriesInstanceUid, ct.seriesInstanceUid);
    const own = await untilFetch(mr, 'done');
    assert.equal(own.seriesMoved, 0, 'the MR asks for CTs too; the PACS has none');
  });

  it('a CT outside the window stays where it is', async () => {
    const [mr, ct] = [await draw('MR', 'C', '20240110'), await draw('CT', 'C', '20240301')];
    await keepIn(site.orthanc, ct);
    await site.start();
    await scan(mr, site.port);
    const fetch = await untilFetch(mr, 'done');
    assert.match(fetch.reason, /no CT within the window/);
    assert.equal((await pairingOf(mr)).outcome, 'no-ct');
    assert.equal(await findSeries(knex(), ct.seriesInstanceUid), null);
  });

  it('a series that the rule does not want stays where it is; what is here already is not fetched again', async () => {
    const [mr, ct] = [await draw('MR', 'D', '20240110'), await draw('CT', 'D', '20240111')];
    const thorax = invent('CT', 'D', '20240112', { BodyPartExamined: 'CHEST' });
    await keepIn(site.orthanc, ct, thorax);
    await site.start({ priors: { rule: "BodyPartExamined != 'CHEST'" } });
    await scan(ct, site.port);
    await until(async () => (await findSeries(knex(), ct.seriesInstanceUid))?.state === 'complete');
    await scan(mr, site.port);
    const fetch = await untilFetch(mr, 'done');
    assert.deepEqual(
      (await listPriorSeries(knex(), fetch.id)).map((each) => [each.seriesInstanceUid, each.state]),
      [[ct.seriesInstanceUid, 'skipped']],
    );
    assert.equal((await pairingOf(mr)).outcome, 'paired');
  });

  it("somebody else's CT under the same patient ID is fetched, held back, and shown with its reason", async () => {
    const [mr, ct] = [
      await draw('MR', 'E', '20240110'),
      await draw('CT', 'E', '20240111', { PatientName: 'ROE^RICHARD', PatientBirthDate: '19991231' }),
    ];
    await keepIn(site.orthanc, ct);
    await site.start();
    await scan(mr, site.port);
    const pairing = await pairingOf(mr);
    assert.deepEqual([pairing.outcome, pairing.ctSeriesInstanceUid], ['identity-differs', null]);
    assert.deepEqual(
      pairing.candidates.map((each) => [each.ctSeriesInstanceUid, each.verdict]),
      [[ct.seriesInstanceUid, 'identity-differs']],
    );
    assert.equal((await untilFetch(mr, 'done')).seriesMoved, 1);
  });

  it('with the PACS down the case goes on without a CT; when it is back, the CT comes and amends', async () => {
    const [mr, ct] = [await draw('MR', 'F', '20240110'), await draw('CT', 'F', '20240120')];
    await keepIn(site.orthanc, ct);
    const nobody = { ...sourceOf(site.orthanc), port: await freePort() };
    await site.start({ sources: [nobody] });
    await scan(mr, site.port);
    assert.equal((await pairingOf(mr)).outcome, 'no-ct');
    const waiting = (await fetchOf(mr))!;
    assert.deepEqual([waiting.state, waiting.lastErrorCode], ['due', 'DESTINATION_UNREACHABLE']);
    await site.stop();
    await knex()('priorFetch').where({ id: waiting.id }).update({ nextAttemptAt: new Date() });
    await site.start();
    assert.equal((await pairingOf(mr, 2)).ctSeriesInstanceUid, ct.seriesInstanceUid);
  });

  it('a PACS that stays away ends the fetch with its reason', async () => {
    const mr = await draw('MR', 'G', '20240110');
    const nobody = { ...sourceOf(site.orthanc), port: await freePort() };
    await site.start({ sources: [nobody], priors: { giveUpAfterMs: 1 } });
    await scan(mr, site.port);
    assert.match((await untilFetch(mr, 'failed')).reason, /ECONNREFUSED/);
    assert.ok((await eventsOf(mr)).includes('PRIOR_FAILED'));
  });

  it('a PACS that does not know us sends nothing, and the fetch says so', async () => {
    const [mr, ct] = [await draw('MR', 'H', '20240110'), await draw('CT', 'H', '20240120')];
    await keepIn(site.orthanc, ct);
    await site.start({
      sources: [{ ...sourceOf(site.orthanc), moveDestination: 'STRANGER' }],
      priors: { giveUpAfterMs: 1 },
    });
    await scan(mr, site.port);
    assert.match((await untilFetch(mr, 'failed')).reason, /C-MOVE|sent nothing/);
    assert.equal((await pairingOf(mr)).outcome, 'no-ct');
  });

  for (const [status, words] of [
    [0xa801, /A801 \(move destination unknown\)/],
    [0xa900, /A900 \(identifier does not match SOP class\)/],
  ] as const)
    it(`a C-MOVE that is refused for good (${words.source}) is not tried again, and whoever looks is told`, async () => {
      const [mr, ct] = [
        await draw('MR', `K${status}`, '20240110'),
        await draw('CT', `K${status}`, '20240120'),
      ];
      const pacs = await movingScp(ct, [status]);
      try {
        await site.start({ sources: [sourceAt(pacs.port)], counts: false, priors: { firstRetryMs: 1 } });
        await scan(mr, site.port);
        const failed = await untilFetch(mr, 'failed');
        assert.match(failed.reason, words);
        assert.deepEqual([failed.attempts, pacs.moves()], [1, 1]);
        assert.ok((await eventsOf(mr)).includes('PRIOR_FAILED'));
        const { caseId } = await pairingOf(mr);
        const view = (await readCaseView(knex(), caseId))!;
        assert.match(
          casePage(view, { texts: [], prevalence: 0.015 }).toString(),
          new RegExp(`CT from pacs: failed, .*${words.source}`),
        );
        const json = JSON.parse(JSON.stringify(withoutPixels(view)));
        assert.deepEqual([json.priorFetches[0].state, json.priorFetches[0].attempts], ['failed', 1]);
      } finally {
        await site.stop();
        pacs.close();
      }
    });

  it('a C-MOVE that is refused for now is tried again, and meanwhile the page says so', async () => {
    const [mr, ct] = [await draw('MR', 'L', '20240110'), await draw('CT', 'L', '20240120')];
    const pacs = await movingScp(ct, [0xa702, 0xc001, 0xa801]);
    try {
      await site.start({ sources: [sourceAt(pacs.port)], counts: false, priors: { firstRetryMs: 6_000 } });
      await scan(mr, site.port);
      const { caseId } = await pairingOf(mr);
      await until(async () => (await fetchOf(mr))?.lastError?.includes('A702'));
      const waiting = (await readCaseView(knex(), caseId))!;
      assert.match(casePage(waiting, { texts: [], prevalence: 0.015 }).toString(), /CT from pacs: /);
      assert.equal((await untilFetch(mr, 'failed')).attempts, 3);
    } finally {
      await site.stop();
      pacs.close();
    }
  });

  it('a fetch that the end of the process interrupts goes on in the next one, and counts one attempt', async () => {
    const [mr, ct] = [await draw('MR', 'I', '20240110'), await draw('CT', 'I', '20240120')];
    await keepIn(site.orthanc, ct);
    const gate = await gateTo(site.orthanc.dicomPort);
    try {
      await site.start({ sources: [sourceOf(site.orthanc, gate.port)], counts: false });
      await scan(mr, site.port);
      await until(async () => gate.callers() > 0);
      await untilFetch(mr, 'querying');
      await site.stop();
      const handedBack = (await fetchOf(mr))!;
      assert.deepEqual([handedBack.state, handedBack.owner, handedBack.attempts], ['due', null, 0]);
      assert.equal(await revisionOf(mr), 1);
      gate.open();
      await site.start({ sources: [sourceOf(site.orthanc, gate.port)], counts: false });
      assert.equal((await pairingOf(mr)).ctSeriesInstanceUid, ct.seriesInstanceUid);
      assert.equal((await untilFetch(mr, 'done')).attempts, 1);
    } finally {
      gate.close();
    }
  });

  it('a fetch whose process was killed in the middle of a move is taken over', async () => {
    const [mr, ct] = [await draw('MR', 'J', '20240110'), await draw('CT', 'J', '20240120')];
    await keepIn(site.orthanc, ct);
    const nobody = { ...sourceOf(site.orthanc), port: await freePort() };
    await site.start({ sources: [nobody] });
    await scan(mr, site.port);
    await pairingOf(mr);
    await site.stop();
    const dead = 1;
    await knex()('priorFetch')
      .where({ id: (await fetchOf(mr))!.id })
      .update({ state: 'moving', owner: dead });
    await site.start();
    assert.equal((await untilFetch(mr, 'done')).seriesMoved, 1);
  });
});

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { findSeries } from '../../db/tables/series.js';
import { storescu } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { type Invented, invent, keepIn, openSite, type Site, sourceOf, withFiles } from './site.js';

describe('query: complete by the PACS’s own count', function () {
  this.timeout(120_000);
  let site: Site;

  before(async function () {
    needsPeer(this, 'orthanc', 'dcmtk');
    site = await openSite();
  });
  afterEach(() => site?.stop());
  after(() => site?.close());

  const rowOf = ({ seriesInstanceUid }: Invented) => findSeries(site.test.database.knex, seriesInstanceUid);
  const untilComplete = (series: Invented) =>
    until(async () => {
      const row = await rowOf(series);
      return row?.state === 'complete' && row;
    });
  /** Aborted after the last image: nothing but a count ends this before the quiet period of ten minutes. */
  const sendAndAbort = (paths: readonly string[]) => storescu({ port: site.port, paths, args: ['--abort'] });
  const noPriors = { priors: { enabled: false } };

  it('an aborted series waits for the images that the PACS has, and is complete with the last of them', async () => {
    const mr = invent('MR', 'K', '20240110');
    await keepIn(site.orthanc, mr);
    await site.start(noPriors);
    await withFiles(mr, async (paths) => {
      await sendAndAbort(paths.slice(0, 4));
      await until(async () => (await rowOf(mr))?.expectedInstances === mr.files.length);
      assert.equal((await rowOf(mr))?.state, 'receiving');
      await sendAndAbort(paths.slice(4));
    });
    assert.equal((await untilComplete(mr)).completeReason, 'counted');
  });

  it('all of it had come before the abort: the count says so, once it has stood', async () => {
    const ct = invent('CT', 'L', '20240110');
    await keepIn(site.orthanc, ct);
    await site.start(noPriors);
    await withFiles(ct, (paths) => sendAndAbort(paths));
    assert.equal((await untilComplete(ct)).completeReason, 'counted');
  });

  it('the question is asked again by the next process', async () => {
    const mr = invent('MR', 'M', '20240110');
    await site.start(noPriors);
    await withFiles(mr, (paths) => sendAndAbort(paths));
    await until(async () => {
      const open = await site.test.database.knex('association').whereNull('endedAt').first('id');
      return (await rowOf(mr)) !== null && open === undefined;
    });
    await site.stop();
    await keepIn(site.orthanc, mr);
    await site.start(noPriors);
    assert.equal((await untilComplete(mr)).completeReason, 'counted');
  });

  it('a PACS that is not there changes nothing: a released stack is complete without it', async () => {
    const mr = invent('MR', 'N', '20240110');
    await site.start({ ...noPriors, sources: [{ ...sourceOf(site.orthanc), port: 1 }] });
    await withFiles(mr, (paths) => storescu({ port: site.port, paths }));
    const row = await untilComplete(mr);
    assert.deepEqual([row.completeReason, row.expectedInstances], ['released-stack', null]);
  });

  it('a series that is not read is not asked about', async () => {
    const knee = invent('MR', 'O', '20240110', { BodyPartExamined: 'KNEE', SeriesDescription: 'knee' });
    await keepIn(site.orthanc, knee);
    await site.start(noPriors);
    await withFiles(knee, (paths) => sendAndAbort(paths));
    await until(() => rowOf(knee));
    await sleep(1_000);
    assert.equal((await rowOf(knee))?.expectedInstances, null);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { qidoFinder } from '../../agent/query/dicomWeb.js';
import { checkPeers } from '../../cli/doctor/peers.js';
import { parseConfig } from '../../config/load.js';
import { listCases } from '../../db/tables/cases.js';
import { findPairing } from '../../db/tables/pairings.js';
import { listPriorFetches, type PriorFetchRow } from '../../db/tables/priorFetches.js';
import { findSeries } from '../../db/tables/series.js';
import { storescu } from '../support/dcmtk.js';
import { httpServer } from '../support/httpServer.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { drawing, type Invented, invent, keepIn, openSite, type Site, scan, withFiles } from './site.js';

const source = (url: string) => ({ name: 'web pacs', channel: 'dicomweb' as const, url });

/** What every request to the PACS goes through, to be cut or refused on the way. */
async function proxyTo(port: number, meddle: (count: number, url: string) => 'pass' | 'cut' | number) {
  let count = 0;
  const listener: RequestListener = (incoming, outgoing) => {
    count += /\/series\/[^/?]+$/.test(incoming.url!) ? 1 : 0;
    const how = meddle(count, incoming.url!);
    if (typeof how === 'number') return void outgoing.writeHead(how).end();
    const { method, url, headers } = incoming;
    const passed = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      let bytes = 0;
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length;
        outgoing.write(piece);
        if (how === 'cut' && bytes > 200_000) outgoing.destroy();
      });
      answer.on('end', () => outgoing.end());
    });
    incoming.pipe(passed);
  };
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('query: a PACS that is asked by DICOMweb', function () {
  this.timeout(120_000);
  let site: Site;
  let spine: Awaited<ReturnType<typeof drawing>>;
  let url: string;

  before(async function () {
    needsPeer(this, 'orthanc', 'orthancDicomWeb', 'dcmtk');
    site = await openSite({ dicomWeb: true });
    spine = await drawing();
    url = `http://127.0.0.1:${site.orthanc.httpPort}/dicom-web`;
  });
  afterEach(() => site?.stop());
  after(async () => {
    await site?.close();
    await spine?.close();
  });

  const knex = () => site.test.database.knex;
  const untilFetch = (series: Invented, state: PriorFetchRow['state']) =>
    until(async () => {
      const [row] = await listPriorFetches(knex(), series.seriesInstanceUid);
      return row?.state === state && row;
    });
  const pairingOf = (mr: Invented) =>
    until(async () => {
      const [row] = await listCases(knex(), { mrStudyInstanceUid: mr.studyInstanceUid });
      return row && findPairing(knex(), row.id, 1);
    });

  it('an MR that comes alone is paired with the CT that the PACS has, and the trail names where it came from', async () => {
    const [mr, ct] = [
      await spine.draw('MR', 'WEB-A', '20240110'),
      await spine.draw('CT', 'WEB-A', '20240120'),
    ];
    await keepIn(site.orthanc, ct);
    await site.start({ sources: [source(url)] });
    await scan(mr, site.port);
    const pairing = await pairingOf(mr);
    assert.deepEqual([pairing.outcome, pairing.ctSeriesInstanceUid], ['paired', ct.seriesInstanceUid]);
    const fetch = await untilFetch(mr, 'done');
    assert.deepEqual([fetch.seriesMoved, fetch.instancesMoved, fetch.attempts], [1, ct.files.length, 1]);
    const fetched = await knex()('auditEvent')
      .where({ event: 'PRIOR_FETCHED', subjectId: mr.seriesInstanceUid })
      .first('*');
    assert.deepEqual([fetched.detail.source, fetched.detail.channel], ['web pacs', 'dicomweb']);
    const instances = await knex()('instance').where({ seriesInstanceUid: ct.seriesInstanceUid }).select('*');
    assert.deepEqual(
      [...new Set(instances.map((each: { callingAe: string }) => each.callingAe))],
      ['web pacs'],
    );
  });

  it('one that breaks off in the middle of a series is asked again, and everything is here at the end, once', async () => {
    const [mr, ct] = [
      await spine.draw('MR', 'WEB-B', '20240110'),
      await spine.draw('CT', 'WEB-B', '20240120'),
    ];
    await keepIn(site.orthanc, ct);
    const proxy = await proxyTo(site.orthanc.httpPort, (count, path) =>
      path.endsWith(ct.seriesInstanceUid) ? (count === 1 ? 'cut' : count === 2 ? 503 : 'pass') : 'pass',
    );
    try {
      await site.start({ sources: [source(proxy.url)], counts: false, priors: { firstRetryMs: 200 } });
      await scan(mr, site.port);
      const fetch = await untilFetch(mr, 'done');
      assert.equal(fetch.attempts, 3);
      await until(async () => (await findSeries(knex(), ct.seriesInstanceUid))?.state === 'complete');
      const instances = await knex()('instance')
        .where({ seriesInstanceUid: ct.seriesInstanceUid })
        .select('*');
      assert.equal(instances.length, ct.files.length);
    } finally {
      proxy.close();
    }
  });

  it('an aborted series is complete with the last image that QIDO-RS counts', async () => {
    const mr = invent('MR', 'WEB-C', '20240110');
    await keepIn(site.orthanc, mr);
    await site.start({ sources: [source(url)], priors: { enabled: false } });
    await withFiles(mr, async (paths) => {
      await storescu({ port: site.port, paths: paths.slice(0, 4), args: ['--abort'] });
      await until(
        async () => (await findSeries(knex(), mr.seriesInstanceUid))?.expectedInstances === mr.files.length,
      );
      await storescu({ port: site.port, paths: paths.slice(4), args: ['--abort'] });
    });
    const row = await until(async () => {
      const found = await findSeries(knex(), mr.seriesInstanceUid);
      return found?.state === 'complete' && found;
    });
    assert.equal(row.completeReason, 'counted');
  });

  it('a wrong address is refused for good, and the doctor says so, as it says that all is well', async () => {
    const wrong = { ...source(`${url}-not`), name: 'wrong' };
    const config = parseConfig({ query: { sources: [source(url), wrong] } });
    const [, right, not] = await Promise.all(checkPeers(config));
    assert.deepEqual([right!.verdict, not!.verdict], ['ok', 'failed']);
    assert.match(not!.detail, /404/);
    assert.match(not!.advice ?? '', /root of its DICOMweb service/);
  });

  it('goes on through pages, also of a server that gives fewer than it is asked for, and stops at one that knows no offset', async () => {
    const rows = Array.from({ length: 5 }, (_, i) => ({
      '0020000D': { vr: 'UI', Value: [`2.25.${i + 1}`] },
    }));
    const question = { patientId: '', modality: 'CT', from: '2024-01-01', to: '2024-01-01' };
    for (const knowsOffset of [true, false]) {
      const server = await httpServer(({ path }) => {
        const offset = knowsOffset ? Number(new URL(path, 'http://x').searchParams.get('offset')) : 0;
        const warning = offset + 2 < rows.length ? { warning: '299 pacs "there are more"' } : undefined;
        const text = JSON.stringify(rows.slice(offset, offset + 2));
        return { status: 200, text, ...(warning && { headers: warning }) };
      });
      const found = await qidoFinder(source(server.url), 2_000).findStudies(question);
      assert.equal(found.length, knowsOffset ? 5 : 2);
      server.close();
    }
  });
});

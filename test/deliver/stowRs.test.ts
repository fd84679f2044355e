import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import type { Item } from '../../agent/deliver/channel.js';
import { outcomesOf } from '../../agent/deliver/channels/stowRs.js';
import { findReportObject } from '../../db/tables/reportObjects.js';
import { testAuthority } from '../support/certificates.js';
import { useDatabase } from '../support/database.js';
import { httpServer } from '../support/httpServer.js';
import { startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';

const pacs = (url: string, more: object = {}): DestinationInput => ({
  name: 'pacs',
  channel: 'stow-rs',
  url,
  ...more,
});

describe('deliver: STOW-RS', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  before(async () => {
    folder = await testFolder();
  });
  after(() => folder.remove());

  it('Orthanc’s DICOMweb has SR and picture, once, also when it is sent them twice', async function () {
    needsPeer(this, 'orthanc', 'orthancDicomWeb');
    const orthanc = await startOrthanc({
      dicomWeb: true,
      configuration: { AuthenticationEnabled: true, RegisteredUsers: { calcidisc: 'secret' } },
    });
    const passwordFile = await folder.file('password', 'wrong\n');
    const auth = { type: 'basic', user: 'calcidisc', passwordFile };
    const url = `http://127.0.0.1:${orthanc.httpPort}/dicom-web`;
    const headers = { authorization: `Basic ${Buffer.from('calcidisc:secret').toString('base64')}` };
    const list = async () =>
      (await (await fetch(`http://127.0.0.1:${orthanc.httpPort}/instances?expand`, { headers })).json()) as {
        MainDicomTags: { SOPInstanceUID: string };
      }[];
    try {
      const sent = await channelCase(db, [pacs(url, { auth })]);
      assert.ok('retryAt' in Object(await sent.deliver()), 'a wrong password is no refusal of the report');
      assert.match((await sent.deliveries())[0]!.lastError!, /HTTP 401.*credentials/);
      await writeFile(passwordFile, 'secret\n');
      assert.equal(await sent.untilSettled(), 'delivered');
      await db.database.knex('deliveryForm').delete();
      await db.database.knex('delivery').where({ reportId: sent.report.id }).update({ state: 'pending' });
      assert.equal(await sent.untilSettled(), 'delivered');
      const picture = await findReportObject(db.database.knex, sent.report.id, 'sc');
      assert.deepEqual(
        (await list()).map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID).toSorted(),
        [sent.report.sopInstanceUid, picture!.sopInstanceUid].toSorted(),
      );
    } finally {
      await orthanc.stop();
    }
  });

  it('speaks TLS to a server of the site’s own authority, and to no other', async function () {
    needsPeer(this, 'openssl');
    const own = await (await testAuthority(folder.dir)).issue('pacs');
    const server = await httpServer(() => ({ status: 200 }), {
      cert: await readFile(own.certFile, 'utf8'),
      key: await readFile(own.keyFile, 'utf8'),
    });
    const tokenFile = await folder.file('token', 'T0ken\n');
    try {
      const stranger = await channelCase(db, [pacs(server.url)]);
      assert.ok('retryAt' in Object(await stranger.deliver()));
      assert.equal(server.requests.length, 0);
      const trusted = await channelCase(db, [
        pacs(server.url, { caFile: own.caFile, auth: { type: 'bearer', tokenFile } }),
      ]);
      assert.equal(await trusted.deliver(), 'delivered');
      assert.equal(server.requests[0]!.headers.authorization, 'Bearer T0ken');
    } finally {
      server.close();
    }
  });

  describe('what an answer means', () => {
    const items: Item[] = ['1.1', '1.2'].map((id) => ({ form: 'sr', bytes: new Uint8Array(), id }));
    const stored = (uid: string) => ({ '00081155': { vr: 'UI', Value: [uid] } });
    const failed = (uid: string, reason: number) => ({
      ...stored(uid),
      '00081197': { vr: 'US', Value: [reason] },
    });
    const answer = (status: number, good: object[], bad: object[]) => ({
      status,
      text: JSON.stringify({ '00081199': { vr: 'SQ', Value: good }, '00081198': { vr: 'SQ', Value: bad } }),
    });
    const said = (given: { status: number; text: string }) =>
      outcomesOf(items, 'pacs', given).map((each) =>
        each.kind === 'failed' ? (each.error.permanent ? 'refused' : 'again') : each.kind,
      );
    const rows: [what: string, given: { status: number; text: string }, outcome: string[]][] = [
      ['200 and no words', { status: 200, text: '' }, ['stored', 'stored']],
      ['200, both listed', answer(200, [stored('1.1'), stored('1.2')], []), ['stored', 'stored']],
      [
        '202, one is out of resources',
        answer(202, [stored('1.1')], [failed('1.2', 0xa700)]),
        ['stored', 'again'],
      ],
      [
        '202, one of a class it does not take',
        answer(202, [stored('1.1')], [failed('1.2', 0x0122)]),
        ['stored', 'refused'],
      ],
      [
        '409, both known already',
        answer(409, [], [failed('1.1', 0x0111), failed('1.2', 0x0111)]),
        ['there-already', 'there-already'],
      ],
      ['200 that is silent about one', answer(200, [stored('1.1')], []), ['stored', 'again']],
      ['503', { status: 503, text: 'busy' }, ['again', 'again']],
      ['404', { status: 404, text: '' }, ['refused', 'refused']],
      ['301', { status: 301, text: '' }, ['refused', 'refused']],
    ];
    for (const [what, given, outcome] of rows)
      it(`${what}: ${outcome.join(', ')}`, () => assert.deepEqual(said(given), outcome));
  });
});

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import type { Acceptance } from '../../agent/receive/storeSession.js';
import { echoscu } from '../support/dcmtk.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { associateRequest, RawPeer } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';
import { REFUSED_OBJECTS } from './badDayTable.js';

const { success, outOfResources } = STATUSES;

describe('the receiver refuses objects', () => {
  let receiver: TestReceiver;
  let acceptance: Acceptance;
  beforeEach(async () => {
    acceptance = { ok: true };
    receiver = await testReceiver({ isAccepting: () => acceptance });
  });
  afterEach(() => receiver.close());

  for (const [why, object, says, status] of REFUSED_OBJECTS) {
    it(`${why}: ${status.toString(16)}, nothing left behind, and the association lives on`, async () => {
      const peer = await RawPeer.associate(receiver.port);
      const response = await peer.store(object, says);
      assert.equal(response!.status.toString(16), status.toString(16));
      assert.ok(response!.errorComment.length > 0, 'the sender is told why');
      assert.equal((await peer.store(smallObject()))!.status, success.code);
      peer.destroy();
      await receiver.ended(1);
      assert.equal(receiver.seen.files.length, 1);
      assert.equal(receiver.seen.refusals.length, 1);
      assert.equal(receiver.seen.refusals[0]!.what, 'object');
      assert.deepEqual(await readdir(join(receiver.spoolDir, 'incoming')), []);
      assert.equal((await readdir(join(receiver.spoolDir, 'new'))).length, 1);
    });
  }

  it('takes zeros after the last element: some writers pad', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const good = smallObject();
    const padded = { ...good, dataset: Buffer.concat([good.dataset, Buffer.alloc(14)]) };
    assert.equal((await peer.store(padded))!.status, success.code);
    peer.destroy();
  });

  it('says A700 while the database is gone, and recovers by itself', async () => {
    acceptance = { ok: false, status: 'outOfResources', reason: 'the database does not answer' };
    const files = [fileOf(smallObject())];
    const peer = { host: '127.0.0.1', port: receiver.port, calledAe: 'CALCIDISC', callingAe: 'T' };
    const [refused] = await storeFiles({ ...peer, files });
    assert.equal(refused!.status, outOfResources.code.toString(16).toUpperCase());
    assert.equal(refused!.error!.code, 'DESTINATION_BUSY');
    assert.match(refused!.error!.message, /the database does not answer/);
    acceptance = { ok: true };
    const [stored] = await storeFiles({ ...peer, files });
    assert.ok(stored!.isStored);
  });

  it('says A700 while the disk has less free than the watermark', async () => {
    const full = await testReceiver({ minFreeDiskMiB: 1 << 30 });
    const peer = await RawPeer.associate(full.port);
    const response = await peer.store(smallObject());
    assert.equal(response!.status, outOfResources.code);
    assert.match(response!.errorComment, /MiB are free/);
    peer.destroy();
    await full.close();
  });
});

describe('the receiver refuses associations', () => {
  const cases = [
    { name: 'an unknown calling AE', config: { allowedCallingAEs: ['PACS'] }, reason: 3 },
    { name: 'a called AE that is not ours', config: { aeTitle: 'OTHER' }, reason: 7 },
  ];
  for (const { name, config, reason } of cases) {
    it(`${name}: rejected permanently, reason ${reason}, and told to the audit trail`, async () => {
      const receiver = await testReceiver(config);
      const peer = await RawPeer.connect(receiver.port);
      peer.send(associateRequest());
      const answer = await peer.next();
      assert.deepEqual([answer!.type, ...answer!.body.subarray(1)], [0x03, 1, 1, reason]);
      assert.equal(await peer.next(), null, 'the connection ends');
      assert.equal(receiver.seen.refusals[0]!.what, 'association');
      assert.equal(receiver.seen.refusals[0]!.callingAe, 'RAWPEER');
      assert.deepEqual(receiver.seen.opened, []);
      await receiver.close();
    });
  }

  it('more than the maximum: rejected for now, and taken once there is room', async () => {
    const receiver = await testReceiver({ maxAssociations: 2 });
    const first = await RawPeer.associate(receiver.port);
    const second = await RawPeer.associate(receiver.port);
    const third = await RawPeer.connect(receiver.port);
    third.send(associateRequest());
    assert.deepEqual([...(await third.next())!.body.subarray(1)], [2, 3, 2]);
    await first.release();
    await receiver.ended(1);
    const fourth = await RawPeer.associate(receiver.port);
    for (const peer of [second, fourth]) peer.destroy();
    await receiver.close();
  });

  it('tells DCMTK why', async function () {
    needsPeer(this, 'dcmtk');
    const receiver = await testReceiver({ allowedCallingAEs: ['PACS'] });
    const { exitCode, output } = await echoscu(receiver.port);
    assert.notEqual(exitCode, 0);
    assert.match(output, /Calling AE Title Not Recognized/i);
    await receiver.close();
  });
});

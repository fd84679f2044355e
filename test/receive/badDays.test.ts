import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { PDU_TYPES } from '../../agent/dicom/dimse/pduFramer.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { associateRequest, RawPeer, storePdus } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';
import { BAD_DAYS } from './badDayTable.js';

const ABORT_PDU = Buffer.from([PDU_TYPES.abort, 0, 0, 0, 0, 4, 0, 0, 0, 0]);

/** An A-ABORT of the service provider, with the reasons of PS3.8 table 9-26 in words. */
const ABORT_REASONS: Readonly<Record<number, string>> = {
  0: 'not specified',
  1: 'unrecognised PDU',
  2: 'unexpected PDU',
  6: 'invalid PDU parameter',
};

/** What a peer gets to see next: a status, an abort with its reason, or the end of the connection. */
async function whatItSees(peer: RawPeer): Promise<string> {
  const pdu = await peer.next();
  if (pdu === null) return 'closed';
  if (pdu.type === PDU_TYPES.abort) return `abort: ${ABORT_REASONS[pdu.body[3]!]}`;
  return `PDU of type ${pdu.type}`;
}

describe('bad days: what the sender sees, and the next sender is served', () => {
  let receiver: TestReceiver;
  before(async () => {
    receiver = await testReceiver();
  });
  after(() => receiver.close());

  for (const { what, sends, isBare, sees } of BAD_DAYS) {
    it(`${what}: ${sees}`, async () => {
      const peer = isBare ? await RawPeer.connect(receiver.port) : await RawPeer.associate(receiver.port);
      for (const bytes of sends()) peer.send(bytes);
      assert.equal(await whatItSees(peer), sees);
      assert.equal(await whatItSees(peer), 'closed');
      await isInOrder(receiver);
    });
  }

  it('an abort in mid data set: nothing is left of it', async () => {
    const peer = await RawPeer.associate(receiver.port);
    for (const pdu of storePdus(smallObject({ pixelBytes: 1 << 20 })).slice(0, 30)) peer.send(pdu);
    peer.send(ABORT_PDU);
    assert.equal(await whatItSees(peer), 'closed');
    await isInOrder(receiver);
    assert.ok(receiver.seen.ended.some((each) => each.how === 'aborted'));
  });

  it('a data element that declares 1 GB with ten bytes sent: C000, and nothing was allocated for it', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const object = smallObject();
    const dataset = Buffer.from(object.dataset.subarray(0, -54));
    dataset.writeUInt32LE(1 << 30, dataset.length - 14);
    const response = await peer.store({ ...object, dataset });
    assert.equal(response!.status, STATUSES.cannotUnderstand.code);
    peer.destroy();
    await isInOrder(receiver);
  });

  it('the same series from two senders at once: both are answered Success, all objects are there twice', async () => {
    const before = receiver.seen.files.length;
    const files = Array.from({ length: 30 }, () => fileOf(smallObject({ pixelBytes: 20_000 })));
    const to = { host: '127.0.0.1', port: receiver.port, calledAe: 'CALCIDISC' };
    const senders = ['CT1', 'PACS'].map((callingAe) => storeFiles({ ...to, callingAe, files }));
    for (const results of await Promise.all(senders)) assert.ok(results.every((each) => each.isStored));
    const stored = receiver.seen.files.slice(before);
    assert.equal(stored.length, 60);
    assert.equal(new Set(stored.map((each) => each.sopInstanceUid)).size, 30);
    assert.equal(new Set(stored.map((each) => each.path)).size, 60);
  });
});

describe('bad days: silence', () => {
  const idleTimeoutMs = 300;
  let receiver: TestReceiver;
  beforeEach(async () => {
    receiver = await testReceiver({ idleTimeoutMs });
  });
  afterEach(() => receiver.close());

  const drip = (peer: RawPeer, bytes: Buffer) => {
    let at = 0;
    const timer = setInterval(() => peer.send(bytes.subarray(at, ++at)), 20);
    peer.socket.once('close', () => clearInterval(timer));
  };

  it('a connection that says nothing is ended', async () => {
    const peer = await RawPeer.connect(receiver.port);
    assert.equal(await whatItSees(peer), 'abort: not specified');
    assert.deepEqual(receiver.seen.opened, []);
  });

  it('slowloris: an association request byte by byte is ended', async () => {
    const peer = await RawPeer.connect(receiver.port);
    drip(peer, associateRequest());
    assert.equal(await whatItSees(peer), 'abort: not specified');
  });

  it('slowloris: a data set byte by byte, each in a PDU of its own, is ended', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const pdus = storePdus(smallObject(), {}, 1);
    peer.send(pdus[0]!);
    let at = 1;
    const timer = setInterval(() => peer.send(pdus[at++]!), 20);
    assert.equal(await whatItSees(peer), 'abort: not specified');
    clearInterval(timer);
    await receiver.ended(1);
    assert.equal(receiver.seen.ended[0]!.how, 'timed-out');
    await isInOrder(receiver);
  });

  it('an association that works now and then is left alone', async () => {
    const peer = await RawPeer.associate(receiver.port);
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, idleTimeoutMs / 2));
      assert.equal((await peer.store(smallObject()))!.status, STATUSES.success.code);
    }
    peer.destroy();
  });
});

describe('bad days: crowds', () => {
  it('200 associations at once with room for 64: 64 are taken, the rest told to come again, none hangs', async () => {
    const receiver = await testReceiver({ maxAssociations: 64 });
    const peers = await Promise.all(Array.from({ length: 200 }, () => RawPeer.connect(receiver.port)));
    for (const peer of peers) peer.send(associateRequest());
    const answers = await Promise.all(peers.map((peer) => peer.next()));
    const accepted = peers.filter((_, index) => answers[index]?.type === PDU_TYPES.associateAccept);
    const rejected = answers.filter((answer) => answer?.type === PDU_TYPES.associateReject);
    assert.equal(accepted.length, 64);
    assert.equal(rejected.length, 136);
    for (const answer of rejected) assert.deepEqual([...answer!.body.subarray(1)], [2, 3, 2]);
    const statuses = await Promise.all(
      accepted.map((peer) => peer.store(smallObject({ pixelBytes: 50_000 }))),
    );
    assert.ok(statuses.every((each) => each!.status === STATUSES.success.code));
    for (const peer of peers) peer.destroy();
    await receiver.ended(64);
    await isInOrder(receiver);
    await receiver.close();
  });

  it('200 associations that all store', async () => {
    const receiver = await testReceiver({ maxAssociations: 200 });
    const peers = await Promise.all(Array.from({ length: 200 }, () => RawPeer.associate(receiver.port)));
    const statuses = await Promise.all(peers.map((peer) => peer.store(smallObject({ pixelBytes: 100_000 }))));
    assert.ok(statuses.every((each) => each!.status === STATUSES.success.code));
    for (const peer of peers) peer.destroy();
    await receiver.ended(200);
    assert.equal((await readdir(join(receiver.spoolDir, 'new'))).length, 200);
    await receiver.close();
  });
});

/** The next sender is served, and nothing half lies in the spool. */
async function isInOrder(receiver: TestReceiver): Promise<void> {
  const peer = await RawPeer.associate(receiver.port);
  assert.equal((await peer.store(smallObject()))!.status, STATUSES.success.code);
  assert.equal((await peer.release())!.type, PDU_TYPES.releaseResponse);
  const left = () => readdir(join(receiver.spoolDir, 'incoming'));
  for (let i = 0; i < 100 && (await left()).length > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(await left(), []);
}

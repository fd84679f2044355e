import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { PDU_TYPES } from '../../agent/dicom/dimse/pduFramer.js';
import { dataPdu } from '../../agent/dicom/dimse/pdus.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { associateRequest, RawPeer, storePdus } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';

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

function pduHeader(type: number, length: number): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 2);
  return header;
}

const command = () => storePdus(smallObject())[0]!;
const cut = (bytes: Buffer, at: number, value: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
};

interface BadDay {
  readonly what: string;
  /** Sent on an open association, or on a bare connection. */
  readonly sends: () => readonly Buffer[];
  readonly isBare?: true;
  readonly sees: string;
}

const BAD_DAYS: readonly BadDay[] = [
  {
    what: 'a PDU that declares 4 GiB',
    sends: () => [pduHeader(PDU_TYPES.data, 0xffff_ffff), Buffer.alloc(10)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDU longer than the maximum it was told',
    sends: () => [pduHeader(PDU_TYPES.data, 1 << 20), Buffer.alloc(10)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDV longer than its PDU',
    sends: () => [cut(dataPdu(1, true, true, Buffer.alloc(40)), 9, 200)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDV of one byte',
    sends: () => [cut(dataPdu(1, true, true, Buffer.alloc(40)), 9, 1)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a P-DATA PDU too short for any PDV',
    sends: () => [pduHeader(PDU_TYPES.data, 3), Buffer.alloc(3)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'P-DATA for a context that was never offered',
    sends: () => [dataPdu(77, true, true, command().subarray(12))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set shorter than it says',
    sends: () => [dataPdu(1, true, true, command().subarray(12, -10))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set whose group length is wrong',
    sends: () => [cut(command(), 12 + 8, 1)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command element that declares 4 GiB',
    sends: () => [dataPdu(1, true, true, Buffer.from('00000200ffffffff', 'hex'))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set without end',
    sends: () => Array.from({ length: 20 }, () => dataPdu(1, true, false, Buffer.alloc(4096))),
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a data set without a command',
    sends: () => [storePdus(smallObject())[1]!],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a command inside a data set',
    sends: () => [...storePdus(smallObject({ pixelBytes: 40_000 })).slice(0, 2), command()],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a release inside a data set',
    sends: () => [
      ...storePdus(smallObject({ pixelBytes: 40_000 })).slice(0, 2),
      Buffer.concat([pduHeader(PDU_TYPES.releaseRequest, 4), Buffer.alloc(4)]),
    ],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a second association on one connection',
    sends: () => [associateRequest()],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a PDU of a type that does not exist',
    sends: () => [pduHeader(0x42, 4)],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'an HTTP request',
    isBare: true,
    sends: () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'a TLS client hello where TLS is off',
    isBare: true,
    sends: () => [Buffer.from('16030100f8010000f40303', 'hex')],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'data before an association',
    isBare: true,
    sends: () => storePdus(smallObject()),
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'an association request that declares a gigabyte',
    isBare: true,
    sends: () => [pduHeader(PDU_TYPES.associateRequest, 1 << 30), Buffer.alloc(100)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request whose items run past its end',
    isBare: true,
    sends: () => [cut(associateRequest(), 6 + 68 + 3, 0xff)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request with a presentation context id twice',
    isBare: true,
    sends: () => [associateRequest([context(1), context(1)])],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request with an even presentation context id',
    isBare: true,
    sends: () => [associateRequest([context(2)])],
    sees: 'abort: invalid PDU parameter',
  },
];

function context(id: number) {
  return { id, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] };
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

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { echoscu, storescu } from '../support/dcmtk.js';
import { fileOf, type SmallObject, smallObject, writeObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { associateRequest, CT_CONTEXT, contextResults, RawPeer, storePdus } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';

describe('the receiver stores what it acknowledges', () => {
  let receiver: TestReceiver;
  let dir: string;
  beforeEach(async () => {
    receiver = await testReceiver();
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-send-'));
  });
  afterEach(async () => {
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  });

  const datasetOf = async (path: string) => {
    const bytes = await readFile(path);
    return bytes.subarray(decodeFileMeta(bytes)!.datasetOffset);
  };
  const send = (objects: readonly SmallObject[]) =>
    storeFiles({ ...peerOf(receiver.port), files: objects.map((each) => fileOf(each)) });

  it('from DCMTK: byte for byte, announced after it is in the spool and before the release', async function () {
    needsPeer(this, 'dcmtk');
    const objects = [smallObject({ pixelBytes: 300_001 & ~1 }), smallObject(), smallObject()];
    for (const [index, each] of objects.entries()) await writeObject(join(dir, `${index}.dcm`), each);
    const { exitCode, output } = await storescu({ port: receiver.port, paths: [dir] });
    assert.equal(exitCode, 0, output);
    await receiver.ended(1);
    assert.deepEqual(receiver.seen.order, ['opened', 'stored', 'stored', 'stored', 'released']);
    const byUid = new Map(receiver.seen.files.map((file) => [file.sopInstanceUid, file]));
    for (const each of objects) {
      const file = byUid.get(each.sopInstanceUid)!;
      assert.deepEqual(await datasetOf(file.path), each.dataset);
      assert.equal(file.callingAe, 'STORESCU');
      assert.equal(file.associationId, receiver.seen.opened[0]!.id);
      assert.equal((await readFile(file.path)).length, file.sizeBytes);
    }
  });

  it('answers C-ECHO', async function () {
    needsPeer(this, 'dcmtk');
    const { exitCode, output } = await echoscu(receiver.port);
    assert.equal(exitCode, 0, output);
  });

  for (const syntax of ['implicitVrLittleEndian', 'explicitVrBigEndian', 'explicitVrLittleEndian'] as const) {
    it(`keeps ${syntax} as sent`, async () => {
      const object = smallObject({ syntax });
      const [result] = await send([object]);
      assert.equal(result!.status, '0000');
      assert.equal(receiver.seen.files[0]!.transferSyntaxUid, object.transferSyntaxUid);
      assert.deepEqual(await datasetOf(receiver.seen.files[0]!.path), object.dataset);
    });
  }

  it('keeps the same object twice apart: which is a duplicate is for the index to say', async () => {
    const object = smallObject();
    await send([object, object]);
    const [first, second] = receiver.seen.files;
    assert.notEqual(first!.path, second!.path);
    assert.deepEqual(await datasetOf(first!.path), await datasetOf(second!.path));
  });

  it('takes sixteen senders at once without mixing their objects', async () => {
    const bySender = Array.from({ length: 16 }, () =>
      [1, 2, 3].map(() => smallObject({ pixelBytes: 700_000 })),
    );
    const results = (await Promise.all(bySender.map(send))).flat();
    assert.ok(results.every((each) => each.status === '0000'));
    await receiver.ended(16);
    const stored = new Map(receiver.seen.files.map((file) => [file.sopInstanceUid, file.path]));
    assert.equal(stored.size, 48);
    for (const object of bySender.flat()) {
      assert.deepEqual(await datasetOf(stored.get(object.sopInstanceUid)!), object.dataset);
    }
  });

  it('takes a data set in the smallest pieces TCP may bring', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const object = smallObject();
    const response = await peer.store(object, {}, 7);
    assert.equal(response!.status, STATUSES.success.code);
    assert.deepEqual(await datasetOf(receiver.seen.files[0]!.path), object.dataset);
    peer.destroy();
  });

  it('answers a sender that does not wait for answers in order, and the release last', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const objects = Array.from({ length: 20 }, () => smallObject({ pixelBytes: 50_000 }));
    for (const each of objects) for (const pdu of storePdus(each)) peer.send(pdu);
    peer.sendRelease();
    for (const _ of objects) assert.equal((await peer.response())!.status, STATUSES.success.code);
    assert.equal((await peer.next())?.type, 0x06);
    await receiver.ended(1);
    assert.equal(receiver.seen.order.at(-1), 'released');
  });

  it('names no file after what a sender says', async () => {
    const object = smallObject();
    await send([object]);
    assert.deepEqual(await readdir(join(receiver.spoolDir, 'incoming')), []);
    for (const name of await readdir(join(receiver.spoolDir, 'new')))
      assert.ok(!name.includes(object.sopInstanceUid));
  });

  it('answers under the ids that were offered, whatever their order', async () => {
    const peer = await RawPeer.connect(receiver.port);
    const jpeg = TRANSFER_SYNTAXES.jpegLossless.uid;
    peer.send(
      associateRequest([
        { ...CT_CONTEXT, id: 9 },
        { ...CT_CONTEXT, id: 3, transferSyntaxUids: [jpeg] },
        { id: 5, abstractSyntaxUid: SOP_CLASSES.studyRootFind.uid, transferSyntaxUids: [jpeg] },
      ]),
    );
    const results = contextResults((await peer.next())!);
    assert.deepEqual(results.get(9), {
      result: 0,
      transferSyntaxUid: TRANSFER_SYNTAXES.explicitVrLittleEndian.uid,
    });
    assert.deepEqual(results.get(3), { result: 0, transferSyntaxUid: jpeg });
    assert.equal(results.get(5)!.result, 3); // abstract syntax not supported
    peer.destroy();
  });
});

function peerOf(port: number) {
  return { host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'TESTSCU' };
}

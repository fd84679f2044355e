import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { echo, storeFiles } from '../../agent/deliver/scu.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { freePort, runTool, startStorescp } from '../support/dcmtk.js';
import { fileOf, smallObject, writeObject } from '../support/dicomObject.js';
import { startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';

const peer = (port: number, calledAe = 'CALCIDISC') => ({
  host: '127.0.0.1',
  port,
  calledAe,
  callingAe: 'TESTSCU',
});

describe('the storage client', () => {
  it('sends to DCMTK byte for byte, each file in its own syntax', async function () {
    needsPeer(this, 'dcmtk');
    const scp = await startStorescp();
    const objects = [
      smallObject({ pixelBytes: 700_000 }),
      smallObject({ syntax: 'implicitVrLittleEndian' }),
      smallObject({ syntax: 'explicitVrBigEndian', sopClassUid: SOP_CLASSES.mrImage.uid }),
      // A data set that is only named as JPEG: storescp +B keeps bytes and does not look.
      { ...smallObject(), transferSyntaxUid: TRANSFER_SYNTAXES.jpegLsLossless.uid },
    ];
    const results = await storeFiles({ ...peer(scp.port), files: objects.map((each) => fileOf(each)) });
    assert.deepEqual(
      results.map((each) => each.status),
      objects.map(() => '0000'),
    );
    const received = new Map<string, Buffer>();
    for (const path of await scp.files()) {
      const bytes = await readFile(path);
      const { meta, datasetOffset } = decodeFileMeta(bytes)!;
      received.set(`${meta.sopInstanceUid} ${meta.transferSyntaxUid}`, bytes.subarray(datasetOffset));
    }
    for (const each of objects) {
      assert.deepEqual(received.get(`${each.sopInstanceUid} ${each.transferSyntaxUid}`), each.dataset);
    }
    await scp.stop();
  });

  it('sends Explicit VR as Implicit VR to a peer that takes nothing else, and the same values arrive', async function () {
    needsPeer(this, 'dcmtk');
    const scp = await startStorescp(['+xi']);
    const object = smallObject({ pixelBytes: 300_000 });
    const jpeg = { ...smallObject(), transferSyntaxUid: TRANSFER_SYNTAXES.jpegLsLossless.uid };
    const files = [fileOf(object), fileOf(jpeg)];
    const [converted, refused] = await storeFiles({ ...peer(scp.port), files });
    assert.equal(converted!.status, '0000', String(converted!.error));
    assert.equal(refused!.error!.code, 'DESTINATION_REFUSED');
    const [path] = await scp.files();
    const bytes = await readFile(path!);
    const { meta, datasetOffset } = decodeFileMeta(bytes)!;
    assert.equal(meta.transferSyntaxUid, TRANSFER_SYNTAXES.implicitVrLittleEndian.uid);
    const expected = smallObject({
      pixelBytes: 300_000,
      sopInstanceUid: object.sopInstanceUid,
      syntax: 'implicitVrLittleEndian',
    });
    assert.deepEqual(bytes.subarray(datasetOffset), expected.dataset);
    await scp.stop();
  });

  it('sends to Orthanc what it lists afterwards, and a Comprehensive 3D SR’s class is offered', async function () {
    needsPeer(this, 'orthanc');
    const orthanc = await startOrthanc();
    assert.ok((await echo(peer(orthanc.dicomPort, 'ORTHANC'))).elapsedMs > 0);
    const objects = [smallObject(), smallObject({ sopClassUid: SOP_CLASSES.comprehensive3dSr.uid })];
    const results = await storeFiles({
      ...peer(orthanc.dicomPort),
      files: objects.map((each) => fileOf(each)),
    });
    assert.ok(
      results.every((each) => each.isStored),
      JSON.stringify(results),
    );
    assert.equal((await orthanc.rest<{ CountInstances: number }>('/statistics')).CountInstances, 2);
    await orthanc.stop();
  });

  describe('says what became of each file', () => {
    let receiver: TestReceiver;
    let dir: string;
    beforeEach(async () => {
      receiver = await testReceiver({ otherSopClasses: 'refuse' });
      dir = await mkdtemp(join(tmpdir(), 'calcidisc-scu-'));
    });
    afterEach(async () => {
      await receiver.close();
      await rm(dir, { recursive: true, force: true });
    });

    it('a file that cannot be sent does not stop the rest', async () => {
      const good = await writeObject(join(dir, 'good.dcm'), smallObject());
      const text = join(dir, 'text.txt');
      await writeFile(text, 'no DICOM');
      const notTaken = { ...smallObject(), sopClassUid: SOP_CLASSES.comprehensiveSr.uid };
      const wrong = { ...smallObject(), sopInstanceUid: '2.25.4' };
      const seen: number[] = [];
      const results = await storeFiles({
        ...peer(receiver.port),
        files: [text, join(dir, 'absent.dcm'), fileOf(notTaken), fileOf(wrong), good],
        onProgress: (_, done) => seen.push(done),
      });
      assert.deepEqual(
        results.map((each) => [each.status, each.error?.code ?? null]),
        [
          [null, 'DESTINATION_REFUSED'],
          [null, 'DESTINATION_REFUSED'],
          [null, 'DESTINATION_REFUSED'],
          ['A900', 'DESTINATION_REFUSED'],
          ['0000', null],
        ],
      );
      assert.match(results[2]!.error!.message, /does not take SOP class/);
      assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    });

    it('the command line: exit code 1, the failures last, one JSON document', async () => {
      await writeObject(join(dir, 'good.dcm'), smallObject());
      await writeFile(join(dir, 'text.txt'), 'no DICOM');
      const to = ['--to', `127.0.0.1:${receiver.port}`, '--called', 'CALCIDISC'];
      const plain = await calcidisc('send', dir, ...to);
      assert.equal(plain.exitCode, 1);
      assert.match(plain.stdout, /^1 of 2 files stored/);
      assert.match(plain.stderr, /not stored: .*text\.txt: not a DICOM file/);
      const json = JSON.parse((await calcidisc('send', dir, ...to, '--json')).stdout);
      assert.deepEqual([json.sent, json.failed, json.files.length], [1, 1, 2]);
      const answer = await calcidisc('echo', ...to, '--json');
      assert.equal(JSON.parse(answer.stdout).ok, true);
      assert.equal(answer.exitCode, 0);
    });
  });

  it('nobody there: DESTINATION_UNREACHABLE', async () => {
    const port = await freePort();
    await assert.rejects(echo(peer(port)), { code: 'DESTINATION_UNREACHABLE' });
    await assert.rejects(storeFiles({ ...peer(port), files: [fileOf(smallObject())] }), {
      code: 'DESTINATION_UNREACHABLE',
    });
  });

  it('not welcome: DESTINATION_REFUSED in words; full for now: DESTINATION_BUSY', async () => {
    const closed = await testReceiver({ allowedCallingAEs: ['PACS'] });
    await assert.rejects(echo(peer(closed.port)), {
      code: 'DESTINATION_REFUSED',
      message: /calling AE title not recognised/,
    });
    await closed.close();
    const full = await testReceiver({ maxAssociations: 1 });
    const holder = await (await import('../support/rawPeer.js')).RawPeer.associate(full.port);
    await assert.rejects(echo(peer(full.port)), { code: 'DESTINATION_BUSY' });
    holder.destroy();
    await full.close();
  });

  describe('a peer that misbehaves', () => {
    let server: Server;
    afterEach(() => new Promise((resolve) => server.close(resolve)));
    const listen = (onConnection: (socket: Socket) => void) =>
      new Promise<number>((resolve) => {
        server = createServer(onConnection).listen(0, '127.0.0.1', () => {
          resolve((server.address() as AddressInfo).port);
        });
      });

    it('says nothing: given up after the time-out', async () => {
      const sockets: Socket[] = [];
      const port = await listen((socket) => sockets.push(socket));
      await assert.rejects(echo({ ...peer(port), answerTimeoutMs: 50 }), {
        code: 'DESTINATION_UNREACHABLE',
        message: /no answer for 50 ms/,
      });
      for (const socket of sockets) socket.destroy();
    });

    for (const [what, bytes] of [
      ['speaks another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ['accepts a context nobody offered', acceptOf(77)],
      ['hangs up', Buffer.alloc(0)],
    ] as const) {
      it(`${what}: DESTINATION_UNREACHABLE, at once`, async () => {
        const port = await listen((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => (bytes.length > 0 ? socket.write(bytes) : socket.destroy()));
        });
        await assert.rejects(echo(peer(port)), { code: 'DESTINATION_UNREACHABLE' });
      });
    }
  });
});

/** An A-ASSOCIATE-AC that accepts one context id. */
function acceptOf(contextId: number): Buffer {
  const uid = Buffer.from(TRANSFER_SYNTAXES.implicitVrLittleEndian.uid);
  const syntax = Buffer.concat([Buffer.from([0x40, 0, 0, uid.length]), uid]);
  const context = Buffer.concat([Buffer.from([0x21, 0, 0, syntax.length + 4, contextId, 0, 0, 0]), syntax]);
  const body = Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.alloc(64), context, Buffer.alloc(6)]);
  const header = Buffer.from([0x02, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function calcidisc(...args: string[]) {
  const entry = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  return runTool(process.execPath, [entry, ...args]);
}

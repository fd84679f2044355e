import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import pino from 'pino';
import { storeFiles } from '../../agent/deliver/scu.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { openSpool } from '../../agent/receive/spool.js';
import type { SpooledFile } from '../../agent/receive/types.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { RawPeer, storePdus } from '../support/rawPeer.js';
import { testReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const log = pino({ level: 'silent' });

describe('the spool after the end of a process', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-spool-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const pendingIn = async () => {
    const files: SpooledFile[] = [];
    const spool = await openSpool({ dir, log });
    for await (const file of spool.pending()) files.push(file);
    await spool.close();
    return files;
  };

  it('kill -9 in mid transfer: all that was acknowledged is found, nothing half, none twice', async () => {
    const { child, port } = await startProcess(dir);
    const objects = Array.from({ length: 12 }, () => smallObject({ pixelBytes: 100_000 }));
    const peer = { host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'SENDER' };
    const results = await storeFiles({ ...peer, files: objects.map((each) => fileOf(each)) });
    assert.ok(results.every((each) => each.isStored));
    // Another sender is in the middle of a data set, of which more than one write's worth is on disk.
    const half = await RawPeer.associate(port);
    for (const pdu of storePdus(smallObject({ pixelBytes: 4 << 20 })).slice(0, 200)) half.send(pdu);
    await until(async () => (await readdir(join(dir, 'incoming'))).length === 1);
    await kill(child);
    half.destroy();

    const found = await pendingIn();
    assert.deepEqual(
      found.map((each) => each.sopInstanceUid).sort(),
      objects.map((each) => each.sopInstanceUid).sort(),
    );
    for (const file of found) {
      const { dataset } = objects.find((each) => each.sopInstanceUid === file.sopInstanceUid)!;
      const bytes = await readFile(file.path);
      assert.deepEqual(bytes.subarray(decodeFileMeta(bytes)!.datasetOffset), dataset);
      assert.equal(file.callingAe, 'SENDER');
      assert.match(file.associationId!, /^[0-9a-f-]{36}$/);
      assert.equal(file.sizeBytes, bytes.length);
    }
    assert.deepEqual(await readdir(join(dir, 'incoming')), []);
  });

  it('an association that dies in mid data set leaves nothing', async () => {
    const receiver = await testReceiver();
    const half = await RawPeer.associate(receiver.port);
    for (const pdu of storePdus(smallObject({ pixelBytes: 4 << 20 })).slice(0, 200)) half.send(pdu);
    const incoming = join(receiver.spoolDir, 'incoming');
    await until(async () => (await readdir(incoming)).length === 1);
    half.destroy();
    await receiver.ended(1);
    assert.equal(receiver.seen.ended[0]!.how, 'lost');
    assert.deepEqual(await readdir(incoming), []);
    assert.deepEqual(receiver.seen.files, []);
    await receiver.close();
  });

  it('hands on what was there in the order of arrival, and sets aside what is not whole', async () => {
    const fresh = join(dir, 'new');
    await mkdir(fresh, { recursive: true });
    const name = (at: number, object = smallObject()) => {
      const checksum = crc32(object.dataset).toString(16).padStart(8, '0');
      return `${at}-11111111-2222-3333-4444-555555555555-0a-${checksum}.dcm`;
    };
    const [late, early] = [smallObject(), smallObject()];
    await writeFile(join(fresh, name(1_700_000_000_002, late)), fileOf(late));
    await writeFile(join(fresh, name(1_700_000_000_001, early)), fileOf(early));
    await writeFile(join(fresh, name(1_700_000_000_000)), 'no DICOM');
    // Named, but its data did not reach the disk before the power went.
    const torn = smallObject();
    await writeFile(
      join(fresh, name(1_700_000_000_003, torn)),
      fileOf(torn).fill(0, fileOf(torn).length - 20),
    );
    const found = await pendingIn();
    assert.deepEqual(
      found.map((each) => each.sopInstanceUid),
      [early.sopInstanceUid, late.sopInstanceUid],
    );
    assert.equal(found[0]!.receivedAt.getTime(), 1_700_000_000_001);
    const aside = await readdir(join(dir, 'aside'));
    assert.equal(aside.length, 4); // two files and their reasons
  });
});

describe('the spool’s hand-over', () => {
  it('keeps, drops and sets aside; refuses to leave the store or to overwrite', async () => {
    const receiver = await testReceiver();
    const peer = await RawPeer.associate(receiver.port);
    for (let i = 0; i < 3; i++) await peer.store(smallObject());
    peer.destroy();
    const [first, second, third] = receiver.seen.files as [SpooledFile, SpooledFile, SpooledFile];
    const { spool } = receiver;
    await assert.rejects(spool.keep(first, '../outside.dcm'), RangeError);
    const bytes = await readFile(first.path);
    const path = await spool.keep(first, 'a/b/1.dcm');
    assert.deepEqual(await readFile(path), bytes);
    await assert.rejects(spool.keep(second, 'a/b/1.dcm'), /lies there already/);
    assert.deepEqual(await readFile(path), bytes);
    const aside = await spool.setAside(second, 'another object under a known UID');
    assert.match(await readFile(`${aside}.reason.txt`, 'utf8'), /another object/);
    await spool.drop(third);
    assert.deepEqual(await readdir(join(receiver.spoolDir, 'new')), []);
    await receiver.close();
  });
});

async function startProcess(spoolDir: string): Promise<{ child: ChildProcess; port: number }> {
  const script = fileURLToPath(new URL('../support/receiverProcess.js', import.meta.url));
  const child = spawn(process.execPath, [script, spoolDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, port: Number(line.toString()) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

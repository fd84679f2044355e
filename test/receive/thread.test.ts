import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Receiver } from '../../agent/receive/receiver.js';
import { openSpool, type Spool } from '../../agent/receive/spool.js';
import type { Acceptance } from '../../agent/receive/storeSession.js';
import { startReceiverThread } from '../../agent/receive/thread.js';
import { parseConfig } from '../../config/load.js';
import { storescu } from '../support/dcmtk.js';
import { smallObject, writeObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { RawPeer } from '../support/rawPeer.js';
import { seenEvents } from '../support/receiver.js';
import { until } from '../support/until.js';

const log = pino({ level: 'silent' });

describe('the receiver on a thread of its own', () => {
  let dir: string;
  let spool: Spool;
  let receiver: Receiver;
  let acceptance: Acceptance;
  let seen: ReturnType<typeof seenEvents>;
  const dicomOn = (port: number) => ({ ...parseConfig({ dicom: { minFreeDiskMiB: 0 } }).dicom, port });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-thread-'));
    spool = await openSpool({ dir, log });
    acceptance = { ok: true };
    seen = seenEvents();
    const options = { dicom: dicomOn(0), spool, events: seen, log, isAccepting: () => acceptance };
    receiver = await startReceiverThread(options);
  });
  afterEach(async () => {
    await receiver.close();
    await spool.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('tells what it stored, in order, with dates and all', async () => {
    const peer = await RawPeer.associate(receiver.port);
    const object = smallObject();
    assert.equal((await peer.store(object))!.status, 0);
    await peer.release();
    await until(() => seen.ended.length === 1);
    assert.deepEqual(seen.order, ['opened', 'stored', 'released']);
    assert.equal(seen.files[0]!.sopInstanceUid, object.sopInstanceUid);
    assert.ok(seen.files[0]!.receivedAt instanceof Date);
  });

  it('tells on demand what it holds back for a pause', async () => {
    const peer = await RawPeer.associate(receiver.port);
    for (let i = 0; i < 5; i++) await peer.store(smallObject());
    await receiver.flush();
    assert.equal(seen.files.length, 5);
    peer.destroy();
  });

  it('serves senders while this thread is busy', async function () {
    needsPeer(this, 'dcmtk');
    const path = await writeObject(join(dir, 'one.dcm'), smallObject({ pixelBytes: 500_000 }));
    const sent = storescu({ port: receiver.port, paths: [path] });
    const deadline = Date.now() + 20_000;
    // Not one turn of this thread's loop: only the other thread can put the file there.
    while (readdirSync(join(dir, 'new')).length === 0 && Date.now() < deadline);
    assert.equal(readdirSync(join(dir, 'new')).length, 1);
    assert.equal((await sent).exitCode, 0);
  });

  it('refuses while the rest of the process says so, and takes objects again after it', async () => {
    const peer = await RawPeer.associate(receiver.port);
    acceptance = { ok: false, status: 'outOfResources', reason: 'the index is behind' };
    await until(async () => (await peer.store(smallObject()))!.status === 0xa700);
    acceptance = { ok: true };
    await until(async () => (await peer.store(smallObject()))!.status === 0);
    peer.destroy();
    await until(() => seen.ended.length === 1);
    assert.equal(seen.refusals.at(-1)!.reason, 'the index is behind');
  });

  it('an address that is taken is the starter’s error', async () => {
    const options = { dicom: dicomOn(receiver.port), spool, events: seen, log };
    await assert.rejects(startReceiverThread(options), { code: 'EADDRINUSE' });
  });
});

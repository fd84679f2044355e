import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { type SmallObject, smallObject } from '../support/dicomObject.js';
import { CT_CONTEXT, RawPeer, storePdus } from '../support/rawPeer.js';
import { testReceiver } from '../support/receiver.js';

const MIB = 1 << 20;
const OBJECTS = 300;
const DEFLATED_MIB = 200;
/** Kernel buffers of both ends (a few MiB each on loopback), eight answers owed of a MiB each, and then some. */
const MOST_TAKEN_MIB = 64;
const MOST_GROWN_MIB = 100;

describe('back-pressure: a sender that does not wait, and a disk that hangs', function () {
  this.timeout(120_000);
  let dir: string;
  let fifo: string;
  let child: ChildProcess;
  let port: number;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-pressure-'));
    fifo = join(dir, 'hang');
    execFileSync('mkfifo', [fifo]);
    const script = fileURLToPath(new URL('../support/blockableReceiver.js', import.meta.url));
    const env = { ...process.env, UV_THREADPOOL_SIZE: '4' };
    child = fork(script, [join(dir, 'spool'), fifo], { env });
    [{ port }] = (await once(child, 'message')) as [{ port: number }];
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  });

  /** Most memory it has ever had. */
  const ask = async (what: 'block' | 'memory'): Promise<number> => {
    child.send(what);
    const [{ mostMiB }] = (await once(child, 'message')) as [{ mostMiB: number }];
    return mostMiB;
  };
  const unblock = async () => (await open(fifo, 'w')).close();

  it('C-STOREs without waiting for answers: a few are taken, the rest waits at the sender, and none is lost', async () => {
    const peer = await RawPeer.associate(port);
    const before = await ask('block');
    const pushed = push(peer, OBJECTS, () => smallObject({ pixelBytes: MIB }));
    const takenMiB = await untilStill(peer);
    assert.ok(takenMiB < MOST_TAKEN_MIB, `${takenMiB.toFixed(0)} MiB taken while nothing could be synced`);
    await unblock();
    for (let i = 0; i < OBJECTS; i++) assert.equal((await peer.response())?.status, STATUSES.success.code);
    await pushed;
    const grownMiB = (await ask('memory')) - before;
    assert.ok(grownMiB < MOST_GROWN_MIB, `grown by ${grownMiB.toFixed(0)} MiB for ${OBJECTS} MiB`);
    peer.destroy();
  });

  it('one deflated data set faster than it can be inflated: the same', async () => {
    const peer = await RawPeer.associate(port, [deflatedContext()]);
    const before = await ask('block');
    const pushed = push(peer, 1, () => deflated(DEFLATED_MIB * MIB));
    const takenMiB = await untilStill(peer);
    assert.ok(takenMiB < MOST_TAKEN_MIB, `${takenMiB.toFixed(0)} MiB taken while nothing could be inflated`);
    await unblock();
    assert.equal((await peer.response())?.status, STATUSES.success.code);
    await pushed;
    const grownMiB = (await ask('memory')) - before;
    assert.ok(grownMiB < MOST_GROWN_MIB, `grown by ${grownMiB.toFixed(0)} MiB for ${DEFLATED_MIB} MiB`);
    peer.destroy();
  });
});

describe('back-pressure ends with what caused it', () => {
  it('a deflated data set that turns out to be garbage while the sender is held back: C000, not silence', async () => {
    const receiver = await testReceiver();
    const peer = await RawPeer.associate(receiver.port, [deflatedContext()]);
    const { uid } = TRANSFER_SYNTAXES.deflatedExplicitVrLittleEndian;
    const garbage = { ...smallObject(), transferSyntaxUid: uid, dataset: Buffer.alloc(16 * MIB, 0xff) };
    assert.equal((await peer.store(garbage))?.status, STATUSES.cannotUnderstand.code);
    peer.destroy();
    await receiver.close();
  });
});

function deflatedContext() {
  const { uid } = TRANSFER_SYNTAXES.deflatedExplicitVrLittleEndian;
  return { ...CT_CONTEXT, transferSyntaxUids: [uid] };
}

/** Stored blocks only (RFC 1951 3.2.4), which is as fast to send as it gets. */
function deflated(pixelBytes: number): SmallObject {
  const object = smallObject({ pixelBytes });
  object.dataset.set(randomBytes(pixelBytes), object.dataset.length - pixelBytes);
  const { uid } = TRANSFER_SYNTAXES.deflatedExplicitVrLittleEndian;
  return { ...object, transferSyntaxUid: uid, dataset: deflateRawSync(object.dataset, { level: 0 }) };
}

/** Everything as fast as the kernel takes it, whatever the peer answers. */
async function push({ socket }: RawPeer, count: number, make: () => SmallObject): Promise<void> {
  for (let i = 0; i < count; i++)
    for (const pdu of storePdus(make(), {}, 131_072)) if (!socket.write(pdu)) await once(socket, 'drain');
}

/** What the kernel has taken when it takes no more: MiB, once nothing has moved for a second. */
async function untilStill({ socket }: RawPeer): Promise<number> {
  const taken = () => socket.bytesWritten - socket.writableLength;
  for (let last = -1; last !== taken(); await new Promise((resolve) => setTimeout(resolve, 1_000)))
    last = taken();
  return taken() / MIB;
}

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { echo, storeFiles } from '../../agent/deliver/scu.js';
import { type Identity, testAuthority } from '../support/certificates.js';
import { freePort, runTool, startStorescp, storescu } from '../support/dcmtk.js';
import { fileOf, smallObject, writeObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { RawPeer } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';

describe('TLS', () => {
  let dir: string;
  let ours: Identity;
  let theirs: Identity;
  let strangers: Identity;
  before(async function () {
    needsPeer(this, 'openssl');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-tls-'));
    const authority = await testAuthority(dir);
    [ours, theirs] = [await authority.issue('calcidisc'), await authority.issue('modality')];
    strangers = await (await testAuthority(dir, 'other')).issue('stranger');
  });
  after(() => (dir ? rm(dir, { recursive: true, force: true }) : undefined));

  const tlsOf = ({ certFile, keyFile, caFile }: Identity) => ({ certFile, keyFile, caFile });
  const asCaller = (identity: Identity) =>
    ({ ...tlsOf(identity), minVersion: 'TLSv1.2', clientCertificates: 'required' }) as const;
  const peer = (port: number) => ({ host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'CT1' });
  const dcmtkArgs = ({ keyFile, certFile, caFile }: Identity) => ['+tls', keyFile, certFile, '+cf', caFile];

  describe('a listener that asks callers for their certificate', () => {
    let receiver: TestReceiver;
    before(async () => {
      receiver = await testReceiver({ tls: tlsOf(ours) });
    });
    after(() => receiver?.close());

    it('takes DCMTK with a certificate of our authority', async function () {
      needsPeer(this, 'dcmtk');
      const path = await writeObject(join(dir, 'x.dcm'), smallObject({ pixelBytes: 500_000 }));
      const { exitCode, output } = await storescu({
        port: receiver.port,
        paths: [path],
        args: dcmtkArgs(theirs),
      });
      assert.equal(exitCode, 0, output);
      assert.equal(receiver.seen.files.length, 1);
    });

    it('takes our own client', async () => {
      const files = [fileOf(smallObject({ pixelBytes: 3_000_000 }))];
      const [result] = await storeFiles({ ...peer(receiver.port), tls: asCaller(theirs), files });
      assert.equal(result!.status, '0000', String(result!.error));
    });

    it('refuses a certificate of somebody else’s authority, and tells the audit trail', async () => {
      const before = receiver.seen.refusals.length;
      const tls = { ...asCaller(strangers), caFile: ours.caFile };
      await assert.rejects(echo({ ...peer(receiver.port), tls }), { code: 'DESTINATION_UNREACHABLE' });
      await until(() => receiver.seen.refusals.length > before);
      assert.match(receiver.seen.refusals.at(-1)!.reason, /TLS handshake failed/);
    });

    it('does not speak plain DICOM, nor TLS 1.1', async () => {
      await assert.rejects(RawPeer.associate(receiver.port));
      const error = await new Promise<Error>((resolve) => {
        const socket = connect({
          host: '127.0.0.1',
          port: receiver.port,
          rejectUnauthorized: false,
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'ALL:@SECLEVEL=0',
        });
        socket.on('error', resolve);
        socket.on('secureConnect', () => resolve(new Error('it was accepted')));
      });
      assert.match(error.message, /alert protocol version|unsupported protocol|no protocols/i);
    });

    it('offers no cipher without forward secrecy', async () => {
      const { output } = await runTool('openssl', [
        's_client',
        ...['-connect', `127.0.0.1:${receiver.port}`, '-tls1_2', '-cipher', 'AES128-GCM-SHA256'],
      ]);
      assert.match(output, /handshake failure/);
    });
  });

  it('a remote with a pinned certificate is that one and no other of the same authority', async () => {
    const remotes = [{ aeTitle: 'CT1', certificates: [theirs.sha256] }];
    const receiver = await testReceiver({ tls: tlsOf(ours), remotes });
    await echo({ ...peer(receiver.port), tls: asCaller(theirs) });
    await assert.rejects(echo({ ...peer(receiver.port), tls: asCaller(ours) }), {
      code: 'DESTINATION_REFUSED',
    });
    await receiver.close();
  });

  it('our client speaks TLS to DCMTK, and not to a server it cannot verify', async function () {
    needsPeer(this, 'dcmtk');
    const scp = await startStorescp(dcmtkArgs(theirs));
    const files = [fileOf(smallObject())];
    const to = { ...peer(scp.port), files };
    const [result] = await storeFiles({ ...to, tls: asCaller(ours) });
    assert.equal(result!.status, '0000', String(result!.error));
    const misled = { ...asCaller(ours), caFile: strangers.caFile };
    await assert.rejects(storeFiles({ ...to, tls: misled }), { code: 'DESTINATION_UNREACHABLE' });
    await scp.stop();
  });

  it('a port where nobody speaks TLS is unreachable, not a hang', async () => {
    const plain = await testReceiver();
    await assert.rejects(echo({ ...peer(plain.port), tls: asCaller(theirs) }), {
      code: 'DESTINATION_UNREACHABLE',
    });
    await plain.close();
    await assert.rejects(echo({ ...peer(await freePort()), tls: asCaller(theirs) }), {
      code: 'DESTINATION_UNREACHABLE',
    });
  });
});

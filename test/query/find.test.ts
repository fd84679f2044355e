import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countImages, findSeriesOf, findStudies } from '../../agent/query/find.js';
import { FIND, MOVE, withSource } from '../../agent/query/source.js';
import { parseConfig } from '../../config/load.js';
import { freePort, startStorescp, stopProcess, storescu, waitForPort } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { type Invented, invent, withFiles } from './site.js';

describe('query: C-FIND at a PACS that counts nothing (dcmqrscp)', () => {
  let dir: string;
  let child: ChildProcess;
  let port: number;
  let ct: Invented;

  before(async function () {
    needsPeer(this, 'dcmtk');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-dcmqrscp-'));
    port = await freePort();
    await mkdir(join(dir, 'store'));
    await writeFile(join(dir, 'dcmqrscp.cfg'), configurationOf(port, join(dir, 'store')));
    const args = ['--config', join(dir, 'dcmqrscp.cfg')];
    child = spawn('dcmqrscp', args, { stdio: 'ignore' });
    await waitForPort(port, child);
    ct = invent('CT', 'P*', '20240110');
    const other = invent('CT', 'PX', '20240110');
    for (const each of [ct, other])
      await withFiles(each, (paths) => storescu({ port, paths, calledAe: 'QR' }));
  });
  after(async () => {
    if (child) await stopProcess(child);
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const options = () => ({
    source: { name: 'qr', channel: 'dimse' as const, aeTitle: 'QR', host: '127.0.0.1', port, tls: false },
    config: parseConfig({}),
    timeoutMs: 5_000,
  });

  it('finds studies by patient and dates; an id with a star is a pattern to it', async () => {
    const question = { patientId: 'P*', modality: 'CT', from: '2024-01-01', to: '2024-01-31' };
    const found = await withSource(FIND, options(), (association) =>
      findStudies(association, options().source, question),
    );
    assert.deepEqual(found.map(({ patientId }) => patientId).sort(), ['P*', 'PX']);
    assert.equal(found[0]?.studyDate, '2024-01-10');
    const none = await withSource(FIND, options(), (association) =>
      findStudies(association, options().source, { ...question, to: '2024-01-05' }),
    );
    assert.deepEqual(none, []);
  });

  it('says no number of images, so that they are counted', async () => {
    const { studyInstanceUid, seriesInstanceUid, files } = ct;
    await withSource(FIND, options(), async (association) => {
      const { source } = options();
      const [series] = await findSeriesOf(association, source, studyInstanceUid, { seriesInstanceUid });
      assert.deepEqual([series?.seriesInstanceUid, series?.instances], [seriesInstanceUid, null]);
      assert.equal(await countImages(association, source, studyInstanceUid, seriesInstanceUid), files.length);
    });
  });

  it('a peer without the service is refused for good, by name', async () => {
    const storescp = await startStorescp();
    try {
      const source = { ...options().source, port: storescp.port };
      await assert.rejects(
        withSource(MOVE, { ...options(), source }, async () => undefined),
        { code: 'DESTINATION_REFUSED', message: /does not offer C-MOVE/ },
      );
    } finally {
      await storescp.stop();
    }
  });
});

function configurationOf(port: number, store: string): string {
  return `NetworkTCPPort = ${port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QR ${store} RW (200, 1024mb) ANY
AETable END
`;
}

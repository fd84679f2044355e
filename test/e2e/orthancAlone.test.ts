import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import { listCases } from '../../db/tables/cases.js';
import { findPairing } from '../../db/tables/pairings.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';

describe('with Orthanc’s script alone: the modality sends to Orthanc, and the flag comes back to it', function () {
  this.timeout(120_000);
  let dir: string;
  let test: TestDatabase;
  let orthanc: RunningOrthanc;
  let service: RunningService;

  before(async function () {
    needsPeer(this, 'orthanc');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-alone-'));
    test = await createTestDatabase();
    // The drawn patient is a phantom, and those are left alone unless asked.
    const script = await readFile(join(projectRoot, 'config/orthanc/calcidisc.lua'), 'utf8');
    await writeFile(
      join(dir, 'calcidisc.lua'),
      script.replace('sendQualityControl = false', 'sendQualityControl = true'),
    );
    const port = await freePort();
    orthanc = await startOrthanc({
      modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] },
      luaScripts: [join(dir, 'calcidisc.lua')],
    });
    const pacs = { name: 'orthanc', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort };
    const config = serviceConfig(test, { dicom: { port }, route: { destinations: [pacs] } });
    service = await startService(config, quietLog, { agent: true, worker: true });
  });
  after(async () => {
    await service?.close();
    await orthanc?.stop();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  it('flag and conclusion stand in the metadata of the study, once, and nothing goes round', async () => {
    const truth = await writePhantom({ outDir: dir, seed: 23, calcified: ['L4-L5'], ct: { sliceMm: 3 } });
    for (const series of ['mr', 'ct'])
      for (const file of dicomFilesIn(join(dir, series)))
        await orthanc.post('/instances', await readFile(file));
    const [{ ID: study }] = (await orthanc.post('/tools/lookup', truth.mr.studyInstanceUid)) as [
      { ID: string },
    ];
    const metadata = () => orthanc.rest<Record<string, string>>(`/studies/${study}/metadata?numeric&expand`);
    // The CT may come after the first report: then that is amended.
    await until(async () => {
      const [row] = await listCases(service.database.knex);
      const pairing = row && (await findPairing(service.database.knex, row.id, row.revision));
      return (
        row?.state === 'delivered' &&
        pairing?.outcome === 'paired' &&
        (await metadata())['4412'] === `${row.revision}`
      );
    }, 100_000);
    const stored = (await orthanc.rest<unknown[]>('/instances')).length;
    const before = await listCases(service.database.knex);
    // Longer than a study takes to be stable again after our SR and picture.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    assert.deepEqual(await listCases(service.database.knex), before);
    assert.equal((await orthanc.rest<unknown[]>('/instances')).length, stored);
    assert.equal(before.length, 1);
    const said = await metadata();
    assert.match(said['4410']!, /^flagged/);
    assert.match(said['4411']!, /L4-L5/);
    assert.equal(said['4412'], String(before[0]!.revision));
    const log = await orthanc.log();
    assert.match(log, /is not sent: (it came from Calcidisc|modality (SR|OT))/);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';
import { type RunningOhif, startOhif } from './ohif.js';

interface Instance {
  readonly ID: string;
  readonly MainDicomTags: Readonly<Record<string, string>>;
}

describe('OHIF in a browser, over Orthanc with DICOMweb', function () {
  this.timeout(400_000);
  let dir: string;
  let test: TestDatabase;
  let orthanc: RunningOrthanc;
  let service: RunningService;
  let ohif: RunningOhif;
  let study: string;

  before(async function () {
    needsPeer(this, 'ohif', 'chromium', 'orthanc', 'orthancDicomWeb');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-ohif-test-'));
    test = await createTestDatabase();
    const port = await freePort();
    orthanc = await startOrthanc({
      dicomWeb: true,
      modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] },
    });
    const pacs = { name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort };
    const config = serviceConfig(test, { dicom: { port }, route: { destinations: [pacs] } });
    service = await startService(config, quietLog, { agent: true, worker: true });
    const ct = { spacingMm: 2, sliceMm: 3, fieldOfViewMm: 140 };
    const truth = await writePhantom({ outDir: dir, seed: 23, calcified: ['L4-L5'], ct });
    study = truth.mr.studyInstanceUid;
    await arrive('ct');
    await arrive('mr');
    // The CT may come after the first report: then that is amended.
    await until(
      async () =>
        (await test.database.knex('pairing').where({ outcome: 'paired' }).first('caseId')) &&
        (await test.database.knex('case').first('state'))?.state === 'delivered',
      120_000,
      () => test.database.knex('case').select('*'),
    );
    ohif = await startOhif(orthanc.httpPort);
    await ohif.open(study);
  });
  after(async () => {
    await ohif?.close();
    await service?.close();
    await orthanc?.stop();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  /** At the PACS and at ours. */
  async function arrive(series: 'mr' | 'ct'): Promise<void> {
    const files = dicomFilesIn(join(dir, series));
    for (const file of files) await orthanc.post('/instances', await readFile(file));
    const peer = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe: 'TEST' };
    const stored = await storeFiles({ ...peer, files });
    assert.ok(stored.every(({ isStored }) => isStored));
  }

  it('says the answer of every disc in words beside its box', async () => {
    const words = await ohif.openReport(5);
    await ohif.picture('ohif-report');
    const boxes = words.split('\n').filter((line) => /intervertebral disc$/.test(line));
    assert.equal(boxes.length, 5, words);
    for (const line of boxes) {
      const said = line.includes('L4-L5')
        ? /^Calcification FLAGGED \(from (under )?\d+ %\): \d+\.\d\d %/
        : /^No calcification flagged \(below (under )?\d+ %\): \d+\.\d\d %/;
      assert.match(line, said);
      assert.match(line, /CT attenuation, mean: \d+\.\d\d \[hnsf'U\]/);
    }
  });

  it('hydrates five of five, each with its answer as label', async () => {
    const rows = await ohif.hydrate();
    await ohif.picture('ohif-hydrated');
    assert.deepEqual(
      rows.map((row) => /(L\d-[LS]\d): (calcification|no calcification) flagged, /.exec(row)?.slice(1)),
      ['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1'].map((level) => [
        level,
        level === 'L4-L5' ? 'calcification' : 'no calcification',
      ]),
    );
    assert.ok(rows.every((row) => row.includes('AI, research only')));
  });

  it('a correction saved there comes back as a verdict on the case page', async () => {
    await ohif.correct('L4-L5:', 'L4-L5: not calcified');
    const corrections = async () =>
      (await orthanc.rest<Instance[]>('/instances?expand')).filter(
        ({ MainDicomTags: tags }) => tags.ImageComments === 'NOT FOR CLINICAL USE',
      );
    const [saved] = await until(async () => {
      const found = await corrections();
      return found.length > 0 ? found : null;
    }, 60_000);
    await orthanc.post('/modalities/calcidisc/store', [saved!.ID]);
    const { id } = await test.database.knex('case').first('id');
    const page = await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${service.httpPort}/cases/${id}`);
      const text = await answer.text();
      return text.includes('What readers say') ? text : null;
    }, 60_000);
    assert.match(page, /L4-L5: REJECTED, not calcified, “L4-L5: not calcified”; the CT says otherwise/);
    assert.match(page, /L3-L4: confirmed, not calcified; the CT says the same/);
  });

  it('shows the picture beside the report', async () => {
    await ohif.openSeries('Calcidisc AI: disc calcification (research): picture');
    await ohif.picture('ohif-picture');
    assert.deepEqual(ohif.complaints, []);
  });
});

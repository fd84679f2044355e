import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dcmjs from 'dcmjs';
import { storeFiles } from '../../agent/deliver/scu.js';
import { readSeries } from '../../agent/locate/series.js';
import { type RunningService, startService } from '../../cli/service.js';
import { listRegions } from '../../db/tables/regions.js';
import { findReport } from '../../db/tables/reports.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { UNUSED_CT } from '../support/coarse.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { drawnOf, writeEnhanced } from '../support/encoded.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';

const ABOUT = {
  StudyInstanceUID: '2.25.7000',
  StudyDate: '20240301',
  FrameOfReferenceUID: '2.25.7001',
  BodyPartExamined: 'LSPINE',
  StudyDescription: 'MR lumbar spine',
  SeriesDescription: 't2 sag',
  ImageType: 'ORIGINAL\\PRIMARY\\VOLUME\\NONE',
} as const;

describe('an enhanced multi-frame MR, DICOM in to Structured Report', function () {
  this.timeout(180_000);
  let dir: string;
  let test: TestDatabase;
  let service: RunningService;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-frames-'));
    test = await createTestDatabase();
    const config = serviceConfig(test, { assemble: { quietPeriodMs: 500 } });
    service = await startService(config, quietLog, { agent: true, worker: true });
  });
  after(async () => {
    await service?.close();
    await test?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('its report names the frame of every region, not the object as a whole', async () => {
    await writePhantom({ outDir: dir, seed: 21, mr: { slices: 9, matrix: 320 }, ct: UNUSED_CT });
    const names = (await readdir(join(dir, 'mr'))).sort();
    const { images, header } = await readSeries(names.map((name) => join(dir, 'mr', name)));
    const file = await writeEnhanced(
      join(dir, 'enhanced.dcm'),
      'MR',
      images.map(drawnOf),
      { slope: 1, intercept: 0 },
      undefined,
      ABOUT,
    );
    const peer = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe: 'TEST' };
    const [stored] = await storeFiles({ ...peer, files: [file] });
    assert.ok(stored!.isStored, JSON.stringify(stored));

    const row = await reported(test);
    const { knex } = test.database;
    const regions = await listRegions(knex, row.id, row.revision);
    assert.equal(regions.length, 5);
    const report = (await findReport(knex, row.id, row.revision))!;
    const said = framesIn(report.file!);
    assert.ok(said.length >= 5, `${said.length} frames in the report of ${header.modality}`);
    for (const { frameNumber } of regions) {
      assert.ok(frameNumber! >= 4 && frameNumber! <= 6, `the middle of 9 frames is not ${frameNumber}`);
      assert.ok(said.includes(frameNumber!), `frame ${frameNumber} is not in ${said.join()}`);
    }
  });
});

async function reported({ database: { knex } }: TestDatabase) {
  return until(
    async () => {
      const row = await knex('case').first('*');
      assert.notEqual(row?.state, 'parked', row?.lastError);
      return row?.state === 'reported' ? row : null;
    },
    90_000,
    () => knex('case').select('*'),
  );
}

/** Every ReferencedFrameNumber of the content tree, as dcmjs reads it. */
function framesIn(file: Uint8Array): number[] {
  const { DicomMessage } = dcmjs.data;
  const found: number[] = [];
  const walk = (dict: Record<string, { Value?: readonly unknown[] }>): void => {
    for (const [tag, { Value }] of Object.entries(dict)) {
      if (tag === '00081160') found.push(...(Value ?? []).map(Number));
      else for (const item of Value ?? []) if (item && typeof item === 'object') walk(item as typeof dict);
    }
  };
  walk(DicomMessage.readFile(file.slice().buffer).dict as Parameters<typeof walk>[0]);
  return found;
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import type { RunningService } from '../../cli/service.js';
import { listCases } from '../../db/tables/cases.js';
import { countInstances } from '../../db/tables/instances.js';
import { findSeries } from '../../db/tables/series.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import type { TestDatabase } from '../support/database.js';
import { runTool, storescu } from '../support/dcmtk.js';
import type { RunningOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { type Hospital, openHospital } from './hospital.js';

const STUDY = '1.2.840.99999.07.2026';
const SERIES = `${STUDY}.003`;

describe('a scanner with its own ideas, a PACS that sends everything, a RIS that corrects', function () {
  this.timeout(480_000);
  let hospital: Hospital;
  let dir: string;
  let orthanc: RunningOrthanc;
  let test: TestDatabase;
  let service: RunningService;
  let mr: string[];

  before(async function () {
    needsPeer(this, 'orthanc', 'dcmtk');
    hospital = await openHospital();
    ({ dir, orthanc, test, service } = hospital);
    await writePhantom({ outDir: dir, seed: 43, calcified: ['L4-L5'], ct: { sliceMm: 3 } });
    mr = dicomFilesIn(join(dir, 'mr'));
    // Components with leading zeros: against the rules, and in the archives.
    for (const [i, path] of mr.entries())
      await set(
        [path],
        [
          `StudyInstanceUID=${STUDY}`,
          `SeriesInstanceUID=${SERIES}`,
          `SOPInstanceUID=${SERIES}.${String(i + 1).padStart(4, '0')}`,
        ],
      );
    await set(mr, ['PatientName=JAEGER^ROSE^ANNE', 'AccessionNumber=ACC-WRONG']);
    await set(dicomFilesIn(join(dir, 'ct')), ['PatientName=Jager^Rose']);
  });
  after(() => hospital?.close());

  const knex = () => test.database.knex;
  const set = async (paths: readonly string[], values: readonly string[]) => {
    const { exitCode, output } = await runTool('dcmodify', [
      '-nb',
      ...values.flatMap((each) => ['-m', each]),
      ...paths,
    ]);
    assert.equal(exitCode, 0, output);
  };
  const send = async (paths: readonly string[], args: readonly string[] = []) => {
    const { exitCode, output } = await storescu({ port: service.dicomPort!, paths, args });
    assert.equal(exitCode, 0, output);
  };
  const viewOf = async (): Promise<CaseView | null> => {
    const [row] = await listCases(knex(), { mrStudyInstanceUid: STUDY });
    return row ? readCaseView(knex(), row.id) : null;
  };
  const untilView = async (isSo: (view: CaseView) => boolean): Promise<CaseView> => {
    return until(
      async () => {
        const view = await viewOf();
        return view && isSo(view) ? view : null;
      },
      240_000,
      async () => (await viewOf())?.case,
    );
  };
  const reportIn = async ({ reports }: CaseView) => {
    const [found] = await orthanc.post<{ ID: string }[]>('/tools/lookup', reports[0]!.sopInstanceUid);
    return orthanc.rest<Record<string, string>>(`/instances/${found!.ID}/simplified-tags`);
  };

  it('one of two packages is no stack: nothing is read before the other has come', async () => {
    const [odd, even] = [mr.filter((_, i) => i % 2 === 0), mr.filter((_, i) => i % 2 === 1)];
    await send(odd);
    await until(async () => (await countInstances(knex(), SERIES)) === odd.length);
    // Far longer than the grace after a release.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal((await findSeries(knex(), SERIES))!.state, 'receiving');
    assert.equal(await viewOf(), null);
    await send(even);
    const view = await untilView(({ case: row }) => row.state === 'delivered');
    assert.equal(view.reports.length, 1);
    const sr = await reportIn(view);
    assert.deepEqual([sr.StudyInstanceUID, sr.AccessionNumber], [STUDY, 'ACC-WRONG']);
  });

  it('a CT of the same patient under another spelling is paired, and the page says how the names differ', async () => {
    await send(dicomFilesIn(join(dir, 'ct')));
    const view = await untilView(
      ({ case: row, pairing }) => row.state === 'delivered' && pairing?.outcome === 'paired',
    );
    const page = await (await fetch(`http://127.0.0.1:${service.httpPort}/cases/${view.case.id}`)).text();
    assert.match(page, /names written differently \(accents or umlauts, a part on one side only\)/);
  });

  it('the accession number corrected and all of it sent again: an amended report under the new one', async () => {
    const before = (await viewOf())!;
    await set(mr, ['AccessionNumber=ACC-RIGHT']);
    await send(mr);
    const view = await untilView(
      ({ case: row, study }) =>
        row.state === 'delivered' &&
        row.revision > before.case.revision &&
        study.accessionNumber === 'ACC-RIGHT',
    );
    const sr = await reportIn(view);
    assert.equal(sr.AccessionNumber, 'ACC-RIGHT');
    assert.equal(view.reports[0]!.predecessorSopInstanceUid, before.reports[0]!.sopInstanceUid);
    assert.match(view.case.revisionReason, /accession number/);
    assert.equal(view.aside.length, 0);
  });

  it('metrics count what was refused and what is kept unread', async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${service.httpPort}/metrics`)).text();
    assert.match(metrics, /calcidisc_unread_objects\{state="kept"\} 0/);
    assert.match(metrics, /# TYPE calcidisc_refused gauge/);
  });
});

import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../../agent/dicom/header.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import type { RunningService } from '../../cli/service.js';
import { listCases } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { hl7Receiver } from '../deliver/hl7Receiver.js';
import { COARSE_CT, COARSE_MR } from '../support/coarse.js';
import type { TestDatabase } from '../support/database.js';
import { runTool, storescu } from '../support/dcmtk.js';
import type { RunningOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { type Hospital, openHospital } from './hospital.js';

/** What a PACS sends of a study once its patient was merged into another, or corrected. */
const MERGED = ['PatientID=MERGED-7', 'PatientName=DOE^JANE^M'] as const;

describe('a patient is merged in the PACS while, or after, we have the study', function () {
  this.timeout(480_000);
  let hospital: Hospital;
  let ris: Awaited<ReturnType<typeof hl7Receiver>>;
  let dir: string;
  let orthanc: RunningOrthanc;
  let test: TestDatabase;
  let service: RunningService;

  before(async function () {
    needsPeer(this, 'orthanc', 'dcmtk', 'hl7');
    ris = await hl7Receiver(['AA']);
    const to = { name: 'ris', channel: 'hl7', host: '127.0.0.1', port: ris.port };
    hospital = await openHospital([to], { rejectionNotes: true });
    ({ dir, orthanc, test, service } = hospital);
  });
  after(async () => {
    await hospital?.close();
    await ris?.close();
  });

  const knex = () => test.database.knex;
  const makePhantom = async (seed: number) => {
    const outDir = join(dir, String(seed));
    return {
      truth: await writePhantom({ outDir, seed, calcified: ['L4-L5'], mr: COARSE_MR, ct: COARSE_CT }),
      outDir,
    };
  };
  /** DCMTK's dcmodify on copies, as a PACS coerces: the same SOP Instance UIDs, another patient. */
  const merged = async (paths: readonly string[], into: string): Promise<string[]> => {
    const folder = await mkdtemp(join(dir, `${into}-`));
    const copies = paths.map((_, i) => join(folder, `${String(i).padStart(3, '0')}.dcm`));
    await Promise.all(paths.map((path, i) => cp(path, copies[i]!)));
    const { exitCode, output } = await runTool('dcmodify', [
      '-nb',
      ...MERGED.flatMap((set) => ['-m', set]),
      ...copies,
    ]);
    assert.equal(exitCode, 0, output);
    return copies;
  };
  const send = async (paths: readonly string[]) => {
    const { exitCode, output } = await storescu({ port: service.dicomPort!, paths });
    assert.equal(exitCode, 0, output);
  };
  const viewOf = async ({ mr }: PhantomTruth): Promise<CaseView | null> => {
    const [row] = await listCases(knex(), { mrStudyInstanceUid: mr.studyInstanceUid });
    return row ? readCaseView(knex(), row.id) : null;
  };
  const untilView = async (truth: PhantomTruth, isSo: (view: CaseView) => boolean, limitMs = 200_000) => {
    return until(
      async () => {
        const view = await viewOf(truth);
        return view && isSo(view) ? view : null;
      },
      limitMs,
      async () => {
        const view = await viewOf(truth);
        return { row: view?.case, identities: view?.identities };
      },
    );
  };
  const reportIn = async (view: CaseView) => {
    const [report] = view.reports;
    const [found] = await orthanc.post<{ ID: string }[]>('/tools/lookup', report!.sopInstanceUid);
    return orthanc.rest<Record<string, string>>(`/instances/${found!.ID}/simplified-tags`);
  };
  const patientOf = async ({ spoolPath }: { readonly spoolPath: string }) =>
    (await readHeader(join(test.config.dataDir, spoolPath))).patientId;
  const eventsOf = (subjectId: string): Promise<string[]> =>
    knex()('auditEvent').where({ subjectId }).orderBy('seq').pluck('event');
  const page = async (id: string) => (await fetch(`http://127.0.0.1:${service.httpPort}/cases/${id}`)).text();

  it('in mid study: all images are kept, the case is held, and nothing is reported under either name', async () => {
    const { truth, outDir } = await makePhantom(41);
    const mr = dicomFilesIn(join(outDir, 'mr'));
    await send([...mr.slice(0, 8), ...(await merged(mr.slice(8), 'rest'))]);
    const view = await untilView(truth, ({ case: row }) => row.state === 'parked');
    assert.deepEqual([view.case.parkedFrom, view.case.lastErrorCode], ['received', 'IDENTITY_DIFFERS']);
    assert.match(view.case.lastError!, /name 2 patients \(8 and \d+ images\)/);
    assert.deepEqual(
      view.identities.map(({ instances }) => instances),
      [8, mr.length - 8],
    );
    assert.deepEqual(view.reports, []);
    assert.equal((await listInstances(knex(), truth.mr.seriesInstanceUid)).length, mr.length);
    assert.ok((await eventsOf(truth.mr.studyInstanceUid)).includes('IDENTITY_DIFFERS'));
    const shown = await page(view.case.id);
    assert.match(shown, /name different patients/);
    assert.match(shown, /patient ID MERGED-7/);

    await send(await merged(mr, 'all'));
    const read = await untilView(truth, ({ case: row }) => row.state === 'delivered');
    assert.deepEqual([read.study.patientId, read.identities.length], ['MERGED-7', 1]);
    const sr = await reportIn(read);
    assert.deepEqual([sr.PatientID, sr.PatientName], ['MERGED-7', 'DOE^JANE^M']);
    assert.equal(read.reports.length, 1, 'and none was ever built under the other');
    assert.doesNotMatch(await page(view.case.id), /name different patients/);
  });

  it('after the report: half of the study again is held, all of it is read under the new name and amends the first', async () => {
    const { truth, outDir } = await makePhantom(42);
    const mr = dicomFilesIn(join(outDir, 'mr'));
    const toldBefore = ris.messages.length;
    await send(mr);
    const first = await untilView(truth, ({ case: row }) => row.state === 'delivered');
    const before = await listInstances(knex(), truth.mr.seriesInstanceUid);
    const again = await merged(mr, 'again');
    await send(again.slice(0, 6));
    const held = await untilView(truth, ({ case: row }) => row.state === 'parked');
    assert.equal(held.case.lastErrorCode, 'IDENTITY_DIFFERS');
    assert.equal(held.reports.length, 1);

    await send(again.slice(6));
    const second = await untilView(truth, ({ case: row }) => row.state === 'delivered');
    const sr = await reportIn(second);
    assert.deepEqual([sr.PatientID, sr.StudyInstanceUID], ['MERGED-7', truth.mr.studyInstanceUid]);
    assert.equal(second.reports[0]!.predecessorSopInstanceUid, first.reports[0]!.sopInstanceUid);
    // The first was told of somebody else: it is taken back by itself, before the next is told.
    const own = ris.messages.slice(toldBefore);
    assert.deepEqual(
      own.map(({ status, patient }) => [new Set(status), patient.includes('JANE^M')]),
      [
        [new Set(['P']), false],
        [new Set(['W']), false],
        [new Set(['C']), true],
      ],
    );
    const withdrawn = second.notices.map(({ kind, destination, reason }) => [kind, destination, reason]);
    const why = 'the images of the study name another patient now';
    assert.deepEqual(withdrawn.toSorted(), [
      ['withdrawn', 'pacs', why],
      ['withdrawn', 'ris', why],
    ]);
    const note = await until(async () => {
      const series =
        await orthanc.rest<{ MainDicomTags: { Modality: string }; Instances: string[] }[]>('/series?expand');
      return series.find(({ MainDicomTags }) => MainDicomTags.Modality === 'KO');
    }, 30_000);
    const named = JSON.stringify(await orthanc.rest(`/instances/${note.Instances[0]}/tags`));
    assert.ok(
      named.includes(first.reports[0]!.sopInstanceUid) && !named.includes(second.reports[0]!.sopInstanceUid),
    );
    const events = await eventsOf(truth.mr.studyInstanceUid);
    assert.deepEqual(events, ['IDENTITY_DIFFERS', 'IDENTITY_CORRECTED']);
    const now = await listInstances(knex(), truth.mr.seriesInstanceUid);
    assert.equal(now.length, mr.length, 'the same images, none twice');
    for (const each of now) assert.equal(await patientOf(each), 'MERGED-7');
    for (const each of before) assert.notEqual(await patientOf(each), 'MERGED-7');
    const remembered = await knex()('instanceBefore').whereIn(
      'spoolPath',
      before.map((each) => each.spoolPath),
    );
    assert.equal(remembered.length, mr.length, 'what was there before is still there, and known');

    const [other] = await merged(mr.slice(0, 1), 'other');
    await runTool('dcmodify', ['-nb', '-m', 'PatientID=NOBODY', other!]);
    const bytes = await readFile(other!);
    bytes[bytes.length - 2] = bytes[bytes.length - 2]! ^ 1;
    await writeFile(other!, bytes);
    await send([other!]);
    const aside = join(test.config.dataDir, 'spool/aside');
    await until(async () => (await readdir(aside)).length === 2);
    const { case: row, identities } = (await viewOf(truth))!;
    assert.deepEqual([row.state, row.revision, identities.length], ['delivered', second.case.revision, 1]);
  });

  it('a CT that names another patient: the MR that was measured against it is read again without it', async () => {
    const outDir = join(dir, '41');
    const truth: PhantomTruth = JSON.parse(await readFile(join(outDir, 'truth.json'), 'utf8'));
    const ct = dicomFilesIn(join(outDir, 'ct'));
    await send(await merged(ct, 'ct'));
    const paired = await untilView(
      truth,
      ({ case: row, pairing }) => row.state === 'delivered' && pairing?.outcome === 'paired',
    );
    await send(ct);
    const alone = await untilView(
      truth,
      ({ case: row }) => row.state === 'delivered' && row.revision > paired.case.revision,
    );
    assert.equal(alone.pairing?.outcome, 'no-ct');
    assert.match(alone.case.revisionReason, /not its CT any more/);
  });
});

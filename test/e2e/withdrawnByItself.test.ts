import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newUid } from '../../agent/dicom/uid.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { listCases } from '../../db/tables/cases.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { hl7Receiver } from '../deliver/hl7Receiver.js';
import { COARSE_MR, UNUSED_CT } from '../support/coarse.js';
import { runTool, storescu } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { type Hospital, openHospital } from './hospital.js';

/** merge.test.ts has the first of the three: a study that names another patient now. */
describe('a result that its images take back', function () {
  this.timeout(600_000);
  let hospital: Hospital;
  let ris: Awaited<ReturnType<typeof hl7Receiver>>;

  before(async function () {
    needsPeer(this, 'orthanc', 'dcmtk', 'hl7');
    ris = await hl7Receiver(['AA']);
    const to = { name: 'ris', channel: 'hl7', host: '127.0.0.1', port: ris.port };
    hospital = await openHospital([to], { rejectionNotes: true });
  });
  after(async () => {
    await hospital?.close();
    await ris?.close();
  });

  const knex = () => hospital.test.database.knex;
  const makeMr = async (seed: number) => {
    const outDir = join(hospital.dir, String(seed));
    const { mr } = await writePhantom({ outDir, seed, calcified: ['L4-L5'], mr: COARSE_MR, ct: UNUSED_CT });
    return { studyInstanceUid: mr.studyInstanceUid, files: dicomFilesIn(join(outDir, 'mr')) };
  };
  /** Copies with other headers, by DCMTK: the same SOP Instance UIDs. */
  const changed = async (paths: readonly string[], sets: readonly string[]): Promise<string[]> => {
    const folder = await mkdtemp(join(hospital.dir, 'again-'));
    const copies = paths.map((_, i) => join(folder, `${String(i).padStart(3, '0')}.dcm`));
    await Promise.all(paths.map((path, i) => cp(path, copies[i]!)));
    const { exitCode, output } = await runTool('dcmodify', [
      '-nb',
      ...sets.flatMap((set) => ['-i', set]),
      ...copies,
    ]);
    assert.equal(exitCode, 0, output);
    return copies;
  };
  const send = async (paths: readonly string[]) => {
    const { exitCode, output } = await storescu({ port: hospital.service.dicomPort!, paths });
    assert.equal(exitCode, 0, output);
  };
  const untilState = (mrStudyInstanceUid: string, state: string): Promise<CaseView> => {
    const viewOf = async () => {
      const [row] = await listCases(knex(), { mrStudyInstanceUid });
      return row ? readCaseView(knex(), row.id) : null;
    };
    return until(
      async () => {
        const view = await viewOf();
        return view?.case.state === state ? view : null;
      },
      250_000,
      async () => (await viewOf())?.case,
    );
  };

  /** The RIS was told P and then W; the PACS has a note of that title that names the report; the trail says the process. */
  async function wasTakenBack(
    before: CaseView,
    after: CaseView,
    toldBefore: number,
    title: string,
  ): Promise<void> {
    await until(async () => {
      const view = (await readCaseView(knex(), after.case.id))!;
      return view.notices.length === 2 && view.notices.every(({ state }) => state === 'stored');
    }, 60_000);
    const [report] = before.reports;
    const own = ris.messages
      .slice(toldBefore)
      .filter(({ text }) => text.includes(before.study.studyInstanceUid));
    assert.deepEqual(
      own.map(({ status }) => new Set(status)),
      [new Set(['P']), new Set(['W'])],
    );
    const notes =
      await hospital.orthanc.rest<{ MainDicomTags: { Modality: string }; Instances: string[] }[]>(
        '/series?expand',
      );
    const tags = await Promise.all(
      notes
        .filter(({ MainDicomTags }) => MainDicomTags.Modality === 'KO')
        .map(({ Instances }) => hospital.orthanc.rest(`/instances/${Instances[0]}/tags`)),
    );
    const note = tags
      .map((each) => JSON.stringify(each))
      .find((text) => text.includes(report!.sopInstanceUid));
    assert.ok(note?.includes(title), `a note of ${title}`);
    const events = await knex()('auditEvent').where({
      event: 'RESULT_WITHDRAWN',
      subjectId: report!.sopInstanceUid,
    });
    assert.equal(events.length, 1);
    assert.doesNotMatch(events[0].actor, /^(user|os):/);
  }

  it('all of its images came again in another study: incorrect worklist entry, and the other study is reported', async () => {
    const { studyInstanceUid, files } = await makeMr(51);
    const toldBefore = ris.messages.length;
    await send(files);
    const before = await untilState(studyInstanceUid, 'delivered');
    const other = newUid();
    await send(
      await changed(files, [
        `StudyInstanceUID=${other}`,
        `SeriesInstanceUID=${newUid()}`,
        'AccessionNumber=OTHER-51',
        'StudyID=OTHER',
      ]),
    );
    const closed = await untilState(studyInstanceUid, 'closed');
    assert.match(closed.case.closedBecause!, /another|elsewhere|study/i);
    await wasTakenBack(before, closed, toldBefore, '113038');
    const next = await untilState(other, 'delivered');
    assert.equal(next.reports.length, 1);
    assert.equal(next.reports[0]!.predecessorSopInstanceUid, null);
  });

  it('it shows no lumbar spine after all: rejected for patient safety', async () => {
    const { studyInstanceUid, files } = await makeMr(52);
    // A knee under the name of a lumbar protocol: what it shows is no spine.
    for (const file of files) {
      const bytes = await readFile(file);
      const pixels = bytes.subarray(bytes.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])) + 12);
      for (let i = 0; i + 1 < pixels.length; i += 2) pixels.writeUInt16LE(100 + ((i * 7919) % 97), i);
      await writeFile(file, bytes);
    }
    const toldBefore = ris.messages.length;
    await send(files);
    const before = await untilState(studyInstanceUid, 'delivered');
    assert.equal(before.mr?.status, 'not-found');
    await send(
      await changed(files, [
        'BodyPartExamined=',
        'SeriesDescription=sag t2',
        'StudyDescription=MR',
        'ProtocolName=sag',
      ]),
    );
    const closed = await untilState(studyInstanceUid, 'closed');
    assert.match(closed.case.closedBecause!, /no lumbar spine/);
    await wasTakenBack(before, closed, toldBefore, '113037');
  });
});

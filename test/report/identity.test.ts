import assert from 'node:assert/strict';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { isUid } from '../../agent/dicom/uid.js';
import { buildReport } from '../../agent/report/build.js';
import { trackingUid } from '../../agent/report/measurements.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import type { ReportInput } from '../../agent/report/types.js';
import { CT, disc, MR, reportInput } from './sample.js';
import { comments, groups, one, readBack } from './walk.js';

describe('report: regions on the image', () => {
  it('moves by half a pixel from the localiser, which counts from pixel centres, to PS3.3 C.18.6', () => {
    // The whole first pixel: edges at -0.5 and 0.5 there, at 0 and 1 here.
    const [group] = groups(readBack({ discs: [disc('L1-L2', { roiPixel: [-0.5, -0.5, 0.5, 0.5] })] }).root);
    const outline = one(group!, '111030').points;
    assert.deepEqual(outline, [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ]);
  });

  it('is a closed line of five points on the image the region was cut from', () => {
    const region = one(groups(readBack().root)[3]!, '111030');
    assert.deepEqual(region.points, [
      [100.75, 220.5],
      [161.25, 220.5],
      [161.25, 266],
      [100.75, 266],
      [100.75, 220.5],
    ]);
    const [image] = region.children;
    assert.deepEqual([image!.relationship, image!.value], ['SELECTED FROM', MR.instances[2]!.sopInstanceUid]);
  });

  it('is cut to the image where the region reaches beyond it', () => {
    const roiPixel = [-12, 370, 330, 400] as const;
    const [group] = groups(readBack({ discs: [disc('L5-S1', { roiPixel })] }).root);
    assert.deepEqual(one(group!, '111030').points[2], [320, 384]);
    assert.deepEqual(one(group!, '111030').points[0], [0, 370.5]);
  });

  it('names the frame of a multi-frame image', () => {
    const image = { ...MR.instances[0]!, frameNumber: 8 };
    const { dataset } = readBack({ discs: [disc('L1-L2', { image })] });
    assert.match(JSON.stringify(dataset), /"ReferencedFrameNumber":8/);
  });
});

describe('report: identity', () => {
  it('gives the same bytes for the same input', () => {
    assert.deepEqual(buildReport(reportInput()).file, buildReport(reportInput()).file);
  });

  it('gives another revision its own SOP Instance UID in the same series, and the same ones whenever it is built', () => {
    const first = buildReport(reportInput());
    const later = buildReport(reportInput({ createdAt: new Date('2027-01-01T00:00:00Z') }));
    const second = buildReport(reportInput({ revision: 2 }));
    assert.equal(later.sopInstanceUid, first.sopInstanceUid);
    assert.notEqual(second.sopInstanceUid, first.sopInstanceUid);
    assert.equal(second.seriesInstanceUid, first.seriesInstanceUid, 'one series a case');
    const corrected = buildReport(
      reportInput({ revision: 2, patient: { ...reportInput().patient, id: 'P-0043' } }),
    );
    assert.notEqual(corrected.seriesInstanceUid, first.seriesInstanceUid, 'no series of two patients');
    assert.ok(isUid(first.sopInstanceUid) && isUid(first.seriesInstanceUid));
    assert.notEqual(first.sopInstanceUid, first.seriesInstanceUid);
  });

  it('numbers the instances of the series by revision, and says nothing of the series that differs between them', () => {
    const [first, second] = [1, 2].map((revision) => readBack({ revision }).dataset);
    assert.deepEqual([first!.InstanceNumber, second!.InstanceNumber], [1, 2]);
    for (const keyword of ['SeriesNumber', 'SeriesDate', 'SeriesTime', 'SeriesDescription'])
      assert.deepEqual(first![keyword], second![keyword], keyword);
  });

  it('tracks a disc by patient and level, so that the next study lines up', () => {
    const patient = { id: 'P-0042', issuerOfPatientId: 'HOSPITAL' };
    assert.equal(trackingUid(patient, '1.2.3', 'L4-L5'), trackingUid(patient, '1.2.4', 'L4-L5'));
    assert.notEqual(trackingUid(patient, '1.2.3', 'L4-L5'), trackingUid(patient, '1.2.3', 'L5-S1'));
    const other = { id: 'P-0042', issuerOfPatientId: 'ELSEWHERE' };
    assert.notEqual(trackingUid(patient, '1.2.3', 'L4-L5'), trackingUid(other, '1.2.3', 'L4-L5'));
    const nobody = { id: '', issuerOfPatientId: '' };
    assert.notEqual(trackingUid(nobody, '1.2.3', 'L4-L5'), trackingUid(nobody, '1.2.4', 'L4-L5'));
  });

  it('copies patient and study from the MR, character for character', () => {
    const { dataset } = readBack({
      study: { ...reportInput().study, accessionNumber: '12345678901234567890' },
    });
    assert.equal(dataset.AccessionNumber, '12345678901234567890');
    assert.deepEqual(
      [dataset.PatientID, dataset.IssuerOfPatientID, dataset.PatientBirthDate, dataset.PatientSex],
      ['P-0042', 'HOSPITAL', '19610705', 'F'],
    );
    assert.deepEqual(
      [dataset.StudyDate, dataset.StudyTime, dataset.StudyID],
      ['20260302', '101530.25', 'S1'],
    );
  });

  it('names the order that it answers: the accession number alone where the MR says no more, nothing without one', () => {
    const requestIn = (study: Partial<ReportInput['study']>) =>
      readBack({ study: { ...reportInput().study, ...study } }).dataset.ReferencedRequestSequence as
        | undefined
        | { AccessionNumber: string; RequestedProcedureID: string; StudyInstanceUID: string }[];
    const [item] = requestIn({})!;
    assert.deepEqual(
      [item!.AccessionNumber, item!.RequestedProcedureID, item!.StudyInstanceUID],
      [reportInput().study.accessionNumber, '', MR.studyInstanceUid],
    );
    assert.equal(requestIn({ accessionNumber: '' }), undefined);
  });

  it('lists a long series by its first images and their number', () => {
    const tree = renderReport(readBack(), { maxImages: 2 });
    assert.match(tree, /Image: \.\.\. and 6 more images/);
    assert.equal(tree.split('\n').filter((line) => /─ Image: 2\.25/.test(line)).length, 2 + 2 + 5 + 5);
    assert.doesNotMatch(tree, /Doe/);
  });

  it('writes its own time as local time', () => {
    const { dataset } = readBack();
    assert.deepEqual([dataset.ContentDate, dataset.ContentTime], ['20260312', '100807.065']);
  });

  it('puts the MR study under current evidence and the CT of another study beside it', () => {
    const { dataset } = readBack();
    assert.deepEqual(evidence(dataset.CurrentRequestedProcedureEvidenceSequence), [MR]);
    assert.deepEqual(evidence(dataset.PertinentOtherEvidenceSequence), [CT]);
  });

  it('puts a CT of the same study under current evidence too', () => {
    const ct = { ...CT, studyInstanceUid: MR.studyInstanceUid };
    const { dataset } = readBack({ ct });
    assert.deepEqual(evidence(dataset.CurrentRequestedProcedureEvidenceSequence), [MR, ct]);
    assert.equal(dataset.PertinentOtherEvidenceSequence, undefined);
  });

  it('names the report it amends, and why', () => {
    const first = buildReport(reportInput());
    const amended = readBack({
      revision: 2,
      revisionReason: 'a late image',
      predecessor: { ...first, studyInstanceUid: MR.studyInstanceUid },
    });
    assert.deepEqual(amended.predecessors, [first.sopInstanceUid]);
    assert.match(comments(amended.root).join(), /Amended report, revision 2.*a late image/);
    assert.match(renderReport(amended), new RegExp(`amends ${first.sopInstanceUid}`));
  });
});

describe('report: what no report may say is refused', () => {
  const refused = (changes: Parameters<typeof reportInput>[0], message: RegExp) =>
    assert.throws(() => buildReport(reportInput(changes)), { code: 'REPORT_INVALID', message });

  it('a probability that is none', () => {
    for (const probability of [Number.NaN, -0.1, 1.1])
      refused(
        {
          discs: [
            disc('L1-L2', { answer: { probability, threshold: 0.5, answer: 'not-calcified', reasons: [] } }),
          ],
        },
        /probability/,
      );
  });

  it('a Hounsfield value that is no number', () => {
    const ct = { label: 'calcified', meanHu: Number.NaN, maxHu: 300, areaMm2: 5 } as const;
    refused({ discs: [disc('L1-L2', { ct })] }, /decimal string/);
  });

  it('a region outside its image', () =>
    refused({ discs: [disc('L1-L2', { roiPixel: [400, 0, 450, 20] })] }, /outside/));
  it('a series without images', () => refused({ mr: { ...MR, instances: [] } }, /without images/));
  it('a UID that is none', () => refused({ ct: { ...CT, seriesInstanceUid: '1.2.x' } }, /not a UID/));
  it('but a UID with leading zeros is repeated, and a frame of reference that is no UID left out', () => {
    const { file } = buildReport(
      reportInput({
        mr: { ...MR, frameOfReferenceUid: 'FRAME 1' },
        ct: { ...CT, frameOfReferenceUid: '1.02.3' },
      }),
    );
    const text = renderReport(readReport(file));
    assert.match(text, /1\.02\.3/);
    assert.doesNotMatch(text, /FRAME 1/);
  });
  it('a series description that does not fit', () =>
    refused({ seriesDescription: 'x'.repeat(65) }, /64 characters/));
  it('an MR of another study', () => refused({ mr: { ...MR, studyInstanceUid: '1.2.3' } }, /another study/));
});

/** Study, series and instances of a Hierarchical SOP Instance Reference, as the sample names them. */
function evidence(sequence: unknown) {
  type Item = Record<string, unknown>;
  const items = (value: unknown) => Array.from(value as Item[]);
  return items(sequence).flatMap((study) =>
    items(study.ReferencedSeriesSequence).map((series) => {
      const known = [MR, CT].find((one) => one.seriesInstanceUid === series.SeriesInstanceUID)!;
      return {
        ...known,
        studyInstanceUid: study.StudyInstanceUID,
        instances: items(series.ReferencedSOPSequence).map((reference) => ({
          sopClassUid: reference.ReferencedSOPClassUID,
          sopInstanceUid: reference.ReferencedSOPInstanceUID,
        })),
      };
    }),
  );
}

describe('report: study values as they are in archives', () => {
  const { patient, study } = reportInput();
  const UNTIDY = {
    'an accession number of 20 characters': { study: { ...study, accessionNumber: 'RAD-2026-0000012345-A' } },
    'a study ID of 20 characters': { study: { ...study, studyId: 'STUDYID-2026-000123456' } },
    'a sex of its own': { patient: { ...patient, sex: 'U' } },
    'no birth date': { patient: { ...patient, birthDate: null } },
    'a time with colons': { study: { ...study, time: '9:05:00' } },
    'a referring physician of 80 characters': {
      study: { ...study, referringPhysicianName: `VON-UND-ZU-${'LANG'.repeat(14)}^MAX^^PROF.` },
    },
    'an age that is none': { patient: { ...patient, age: '63' } },
    'nothing at all': {
      study: { ...study, studyId: '', accessionNumber: '', date: null, time: '', description: '' },
    },
  } as const;
  for (const [what, changes] of Object.entries(UNTIDY))
    it(`${what}: built, and what the MR says repeated`, () => {
      const { dataSet } = parsePart10(buildReport(reportInput(changes)).file);
      const said = 'study' in changes ? changes.study : study;
      assert.equal(dataSet.text('AccessionNumber') ?? '', said.accessionNumber);
      assert.equal(dataSet.text('StudyID') ?? '', said.studyId);
      assert.equal(dataSet.text('ReferringPhysicianName') ?? '', said.referringPhysicianName);
      assert.match(dataSet.text('PatientSex') ?? '', /^[MFO]?$/);
    });
});

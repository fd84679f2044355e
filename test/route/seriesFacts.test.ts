import assert from 'node:assert/strict';
import { compileRules, decideSeries } from '../../agent/route/rules.js';
import { factsOfSeries, type SentImage } from '../../agent/route/seriesFacts.js';
import { ConfigError, parseConfig } from '../../config/load.js';
import type { Elements } from '../dicom/writePart10.js';
import { AXIAL, CORONAL, CT_SLICE, MR_SLICE, SAGITTAL, sentImage } from '../support/headers.js';

const decide = compileRules(parseConfig({}).route);
const times = (count: number, elements: Elements) => Array.from({ length: count }, () => sentImage(elements));
const decided = (images: readonly SentImage[]) => decideSeries(factsOfSeries(images), decide);
const mr = (over: Elements): Elements => ({ ...MR_SLICE, ...over });

describe('route: a series is what all of its images say', () => {
  const early = times(15, mr({ EchoTime: '15', EchoNumbers: '1' }));
  const late = times(15, mr({ EchoTime: '102', EchoNumbers: '2' }));

  it('a double echo is let in for its late echoes, whichever came first, and says which', () => {
    const [one, other] = [decided([...early, ...late]), decided([...late, ...early])];
    assert.deepEqual(one, other);
    assert.equal(one.role, 'mr');
    assert.match(
      one.reason,
      /^15 of 30 pictures \(echo 102 ms\): matches route\.mr.*beside them 15 of echo 15 ms/,
    );
    assert.equal(one.by.attributes.weighting, 'T2');
  });

  it('one image with an odd description decides nothing', () => {
    const odd = sentImage(mr({ SeriesDescription: 'SCREEN SAVE', BodyPartExamined: 'HEAD' }));
    const { seriesDescription, bodyPartExamined } = factsOfSeries([odd, ...times(5, mr({}))]);
    assert.deepEqual([seriesDescription, bodyPartExamined], ['t2_tse_sag', 'LSPINE']);
    assert.equal(decided([odd, ...times(5, mr({}))]).role, 'mr');
  });

  it('size and weight of the patient are what most images say, and absent where none does', () => {
    const said = times(3, mr({ PatientSize: '1.7', PatientWeight: '72' }));
    const { scanner } = factsOfSeries([
      sentImage(mr({ PatientSize: '1.7', PatientWeight: '7200' })),
      ...said,
    ]);
    assert.deepEqual([scanner.PatientSize, scanner.PatientWeight], [1.7, 72]);
    assert.equal('PatientSize' in factsOfSeries(times(2, mr({ PatientSize: '' }))).scanner, false);
  });

  it("a series' date is the one most of its images have, and doubts are said once", () => {
    const reset = times(3, mr({ AcquisitionDate: '19000101' }));
    const facts = factsOfSeries([...reset, sentImage(mr({ AcquisitionDate: '20261103' }))]);
    assert.equal(facts.acquisitionDate, '2026-11-02');
    assert.equal(facts.notes.length, 1);
  });

  for (const [name, types, read] of [
    ['fat and water', ['FAT', 'WATER'], 'WATER'],
    ['water and in-phase', ['WATER', 'IN_PHASE'], 'IN_PHASE'],
    ["one vendor's letters", ['F', 'W', 'IP', 'OP'], 'IN_PHASE'],
  ] as const)
    it(`a Dixon of ${name} is judged by ${read}`, () => {
      const images = types.flatMap((type) => times(5, mr({ ImageType: `DERIVED\\PRIMARY\\DIXON\\${type}` })));
      assert.match(decided(images).by.name, new RegExp(`^${read}`));
    });

  it('frames of one object are judged kind by kind, as images are', () => {
    const frames = [20, 20, 100, 100].map(
      (ms): Elements => ({ MREchoSequence: [{ EffectiveEchoTime: [ms] }] }),
    );
    const enhanced = mr({
      NumberOfFrames: '4',
      EchoTime: '',
      PerFrameFunctionalGroupsSequence: frames,
      SharedFunctionalGroupsSequence: [{ PlaneOrientationSequence: [{ ImageOrientationPatient: SAGITTAL }] }],
    });
    const facts = factsOfSeries([sentImage(enhanced)]);
    assert.deepEqual(
      facts.kinds.map(({ name, images }) => [name, images]),
      [
        ['echo 100 ms', 2],
        ['echo 20 ms', 2],
      ],
    );
    assert.equal(decided([sentImage(enhanced)]).role, 'mr');
  });
});

describe('route: pictures to plan by are left out, not the series they lie in', () => {
  const scout = (over: Elements) => ({ ...CT_SLICE, ...over });
  for (const [name, topogram] of [
    ['that says so', scout({ ImageType: 'ORIGINAL\\PRIMARY\\LOCALIZER', ImageOrientationPatient: CORONAL })],
    ['that does not say so', scout({ ImageType: 'ORIGINAL\\PRIMARY', ImageOrientationPatient: SAGITTAL })],
  ] as const)
    it(`a topogram ${name}, first of a CT`, () => {
      const { role, reason } = decided([sentImage(topogram), ...times(40, CT_SLICE)]);
      assert.equal(role, 'ct');
      assert.match(reason, /beside them 1 of .*a localizer/);
      assert.equal(decided([sentImage(topogram)]).role, 'ignored');
    });

  it('a scout of three planes that no word names', () => {
    const planes = [SAGITTAL, CORONAL, AXIAL].flatMap((ImageOrientationPatient) =>
      times(5, mr({ SeriesDescription: '', ImageOrientationPatient, SliceThickness: '8', EchoTime: '90' })),
    );
    assert.equal(decided(planes).role, 'ignored');
  });

  it('a scout of one plane: few, thick, wide', () => {
    const wide = mr({ SeriesDescription: '', SliceThickness: '8', PixelSpacing: '1\\1' });
    assert.equal(decided(times(5, wide)).role, 'ignored');
    assert.equal(decided(times(15, mr({ PixelSpacing: '1\\1' }))).role, 'mr', 'a wide field alone is none');
    assert.equal(decided(times(9, mr({ SliceThickness: '6' }))).role, 'mr', 'nor are thick slices');
  });

  for (const name of ['SURVEY', '3-pl LOC', 'Übersicht', 'REPERAGE', 'localizador', 'AAHScout'])
    it(`"${name}" names one`, () =>
      assert.equal(decided(times(15, mr({ SeriesDescription: name }))).role, 'ignored'));
});

describe('route: regions by code, and contradictions', () => {
  const region = (over: Elements) => factsOfSeries([sentImage(mr(over))]).kinds[0]!.attributes.region;
  const coded = (CodeValue: string, CodingSchemeDesignator = 'SCT'): Elements => ({
    BodyPartExamined: '',
    AnatomicRegionSequence: [{ CodeValue, CodingSchemeDesignator }],
  });
  for (const [over, expected] of [
    [coded('122496007'), 'LUMBAR'],
    [coded('T-11503', 'SRT'), 'LUMBAR'],
    [coded('1217253001'), 'LUMBAR'],
    [coded('69536005'), 'OTHER'],
    [coded('122494005'), 'OTHER'],
    [coded('421060004'), 'UNKNOWN'],
    [coded('LWS', '99LOCAL'), 'UNKNOWN'],
    [{ ...coded('421060004'), SeriesDescription: 't2 sag LWS' }, 'LUMBAR'],
    [{ ...coded('69536005'), BodyPartExamined: 'LSPINE' }, 'OTHER'],
  ] as const)
    it(`${JSON.stringify(over)} is ${expected}`, () => assert.equal(region(over), expected));

  it('a CT of the abdomen may show the lumbar spine, an MR of it does not', () => {
    const part = { BodyPartExamined: 'ABDOMEN' };
    assert.equal(region(part), 'OTHER');
    assert.equal(factsOfSeries([sentImage({ ...CT_SLICE, ...part })]).kinds[0]!.attributes.region, 'UNKNOWN');
  });

  it('a body part that the description contradicts is believed, and said', () => {
    const { role, reason } = decided(
      times(5, mr({ BodyPartExamined: 'HEAD', SeriesDescription: 'T2 SAG L-SPINE' })),
    );
    assert.equal(role, 'ignored');
    assert.match(reason, /HEAD\), though SeriesDescription names the lumbar spine/);
  });
});

describe('route: a rule that cannot be worked out', () => {
  const MR_ONLY = "Modality == 'MR' && EchoTime > 80.0";

  it('asks of something that no series has: refused when it is read, with what it may ask of', () => {
    assert.throws(
      () => compileRules({ mr: MR_ONLY, ct: 'false' }),
      (error) =>
        error instanceof ConfigError && /route\.mr.*EchoTime[\s\S]*may ask of Modality/.test(error.message),
    );
  });

  it('fails for one series only: that series is left out and says so, another is let in', () => {
    const rules = compileRules({
      mr: "size(ImageType) < 5 || ImageType[5] != 'X'",
      ct: 'false',
      check: 'false',
    });
    const five = decideSeries(factsOfSeries([sentImage(mr({ ImageType: 'A\\B\\C\\D\\E' }))]), rules);
    assert.equal(five.role, 'ignored');
    assert.match(five.failed ?? '', /^route\.mr cannot be worked out for it: /);
    assert.equal(five.reason, five.failed);
    assert.equal(decideSeries(factsOfSeries([sentImage(mr({ ImageType: 'A\\B' }))]), rules).role, 'mr');
  });
});

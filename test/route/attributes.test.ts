import assert from 'node:assert/strict';
import { attributesOf, orientationOf, type RoutingHeader } from '../../agent/route/attributes.js';
import { compileRules } from '../../agent/route/rules.js';
import { ConfigError, parseConfig } from '../../config/load.js';

const SAGITTAL = [0, 1, 0, 0, 0, -1];
const AXIAL = [1, 0, 0, 0, 1, 0];

function header(over: Partial<RoutingHeader>): RoutingHeader {
  return {
    modality: 'MR',
    seriesDescription: '',
    studyDescription: '',
    protocolName: '',
    bodyPartExamined: 'LSPINE',
    imageType: ['ORIGINAL', 'PRIMARY', 'M'],
    imageOrientationPatient: SAGITTAL,
    echoTime: null,
    repetitionTime: null,
    inversionTime: null,
    scanningSequence: ['SE'],
    ...over,
  };
}

describe('route: the plane of a series', () => {
  for (const [name, cosines, plane] of [
    ['sagittal', SAGITTAL, 'SAGITTAL'],
    ['sagittal, 20 degrees oblique', [Math.sin(0.35), Math.cos(0.35), 0, 0, 0, -1], 'SAGITTAL'],
    ['axial', AXIAL, 'AXIAL'],
    ['axial along an L5-S1 disc, 40 degrees', [1, 0, 0, 0, Math.cos(0.69), -Math.sin(0.69)], 'AXIAL'],
    ['coronal', [1, 0, 0, 0, 0, -1], 'CORONAL'],
    ['no orientation', null, 'UNKNOWN'],
    ['five numbers', [1, 0, 0, 0, 1], 'UNKNOWN'],
    ['not a number', [1, 0, 0, 0, Number.NaN, 0], 'UNKNOWN'],
  ] as const) {
    it(`${name} is ${plane}`, () => assert.equal(orientationOf(cosines), plane));
  }
});

describe('route: the weighting of an MR series', () => {
  for (const [name, over, weighting] of [
    ['T2 TSE by its times', { echoTime: 102, repetitionTime: 3500 }, 'T2'],
    ['T2 SPACE by its times', { echoTime: 102, repetitionTime: 1500 }, 'T2'],
    ['T1 by its times', { echoTime: 9, repetitionTime: 550 }, 'T1'],
    ['PD by its times', { echoTime: 20, repetitionTime: 3000 }, 'PD'],
    [
      'T1 in the name but T2 times',
      { echoTime: 100, repetitionTime: 4000, seriesDescription: 'copy of T1' },
      'T2',
    ],
    [
      'STIR by its name over its times',
      { echoTime: 80, repetitionTime: 4000, seriesDescription: 'sag STIR' },
      'STIR',
    ],
    [
      'TIRM by its inversion time',
      { echoTime: 80, inversionTime: 160, scanningSequence: ['SE', 'IR'] },
      'STIR',
    ],
    ['T2* MEDIC', { echoTime: 14, seriesDescription: 't2_me2d MEDIC', scanningSequence: ['GR'] }, 'T2STAR'],
    ['no times, T2 in the name', { seriesDescription: 't2_tse_sag' }, 'T2'],
    ['no times, T1 in the protocol', { protocolName: 'SAG T1 FSE' }, 'T1'],
    ['nothing known', {}, 'UNKNOWN'],
  ] as const) {
    it(`${name} is ${weighting}`, () => assert.equal(attributesOf(header(over), 'MR1').weighting, weighting));
  }

  it('a CT has none', () => {
    assert.equal(attributesOf(header({ modality: 'CT', echoTime: 100 }), 'CT1').weighting, 'NONE');
  });
});

describe('route: the region of a series', () => {
  for (const [bodyPart, description, region] of [
    ['LSPINE', '', 'LUMBAR'],
    ['SPINE', 'MRT LWS', 'LUMBAR'],
    ['', 'IRM rachis lombaire', 'LUMBAR'],
    ['', 'RM COLUNA LOMBAR', 'LUMBAR'],
    ['CSPINE', '', 'OTHER'],
    ['SPINE', 'T-SPINE AND L-SPINE', 'LUMBAR'],
    ['HEAD', 'sag', 'OTHER'],
    ['SPINE', 'sag t2', 'UNKNOWN'],
  ] as const) {
    it(`${JSON.stringify([bodyPart, description])} is ${region}`, () => {
      const over = { bodyPartExamined: bodyPart, studyDescription: description };
      assert.equal(attributesOf(header(over), 'MR1').region, region);
    });
  }
});

describe('route: the rules', () => {
  const decide = compileRules(parseConfig({}).route);
  const role = (over: Partial<RoutingHeader>) => decide(attributesOf(header(over), 'X')).role;

  it('sagittal T2 lumbar MR is read', () =>
    assert.equal(role({ echoTime: 100, repetitionTime: 3000 }), 'mr'));
  it('lumbar axial CT is the reference', () =>
    assert.equal(role({ modality: 'CT', imageOrientationPatient: AXIAL }), 'ct'));
  for (const [name, over] of [
    ['axial T2', { echoTime: 100, imageOrientationPatient: AXIAL }],
    ['sagittal T1', { echoTime: 9, repetitionTime: 500 }],
    ['a cervical spine', { echoTime: 100, bodyPartExamined: 'CSPINE' }],
    [
      'a CT topogram',
      { modality: 'CT', imageOrientationPatient: AXIAL, imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] },
    ],
    ['an SR, our own among them', { modality: 'SR', imageOrientationPatient: null }],
    ['a modality nobody gave', { modality: null }],
  ] as const) {
    it(`${name} is ignored, with a reason`, () => {
      const decision = decide(attributesOf(header(over), 'X'));
      assert.equal(decision.role, 'ignored');
      assert.notEqual(decision.reason, '');
    });
  }

  it('a site writes its own rule in DICOM keywords', () => {
    const own = compileRules({ mr: "CallingAE == 'MR7' && SeriesDescription.contains('LWS')", ct: 'false' });
    assert.equal(own(attributesOf(header({ seriesDescription: 't2 LWS' }), 'MR7')).role, 'mr');
    assert.equal(own(attributesOf(header({ seriesDescription: 't2 LWS' }), 'MR8')).role, 'ignored');
  });

  it('a rule that is no expression is a configuration error naming its key', () => {
    assert.throws(
      () => compileRules({ mr: 'Modality ==', ct: 'true' }),
      (error) => {
        return error instanceof ConfigError && error.message.includes('route.mr');
      },
    );
  });
});

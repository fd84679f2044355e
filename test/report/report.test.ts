import assert from 'node:assert/strict';
import { LEVEL_TABLE, LEVELS } from '../../agent/domain/levels.js';
import type { TreeNode } from '../../agent/report/tree.js';
import { CALCIFIED, CT, disc, MR, reportInput, unstated } from './sample.js';
import { all, codeText, comments, groups, one, readBack } from './walk.js';

const root = () => readBack().root;
const L4L5 = () => groups(root())[3]!;

/** The items of the report, one row each: where, code, relationship, value type, what it must say. */
const ROWS: [
  what: string,
  find: () => TreeNode,
  relationship: string,
  valueType: string,
  concept: string,
  value: string | RegExp,
][] = [
  ['title', root, '', 'CONTAINER', '126000 DCM', ''],
  ['language', () => one(root(), '121049'), 'HAS CONCEPT MOD', 'CODE', '121049 DCM', 'en RFC5646'],
  ['observer type', () => one(root(), '121005'), 'HAS OBS CONTEXT', 'CODE', '121005 DCM', '121007 DCM'],
  ['device uid', () => one(root(), '121012'), 'HAS OBS CONTEXT', 'UIDREF', '121012 DCM', /^2\.25\.\d+$/],
  ['device name', () => one(root(), '121013'), 'HAS OBS CONTEXT', 'TEXT', '121013 DCM', 'CALCIDISC'],
  ['manufacturer', () => one(root(), '121014'), 'HAS OBS CONTEXT', 'TEXT', '121014 DCM', 'Calcidisc'],
  ['device model', () => one(root(), '121015'), 'HAS OBS CONTEXT', 'TEXT', '121015 DCM', 'Calcidisc'],
  ['device serial', () => one(root(), '121016'), 'HAS OBS CONTEXT', 'TEXT', '121016 DCM', 'test-1'],
  ['procedure', () => one(root(), '121058'), 'HAS CONCEPT MOD', 'CODE', '121058 DCM', '25056-3 LN'],
  ['image library', () => one(root(), '111028'), 'CONTAINS', 'CONTAINER', '111028 DCM', ''],
  ['measurements', () => one(root(), '126010'), 'CONTAINS', 'CONTAINER', '126010 DCM', ''],
  ['group', L4L5, 'CONTAINS', 'CONTAINER', '125007 DCM', ''],
  ['tracking', () => one(L4L5(), '112039'), 'HAS OBS CONTEXT', 'TEXT', '112039 DCM', 'Disc L4-L5'],
  ['tracking uid', () => one(L4L5(), '112040'), 'HAS OBS CONTEXT', 'UIDREF', '112040 DCM', /^2\.25\.\d+$/],
  ['category', () => one(L4L5(), '276214006'), 'CONTAINS', 'CODE', '276214006 SCT', '123037004 SCT'],
  ['finding', () => one(L4L5(), '121071'), 'CONTAINS', 'CODE', '121071 DCM', '84020006 SCT'],
  ['site', () => one(L4L5(), '363698007'), 'HAS CONCEPT MOD', 'CODE', '363698007 SCT', '84020006 SCT'],
  ['region', () => one(L4L5(), '111030'), 'CONTAINS', 'SCOORD', '111030 DCM', /^polyline/],
  ['algorithm', () => one(L4L5(), '111001'), 'HAS CONCEPT MOD', 'TEXT', '111001 DCM', 'resnet34'],
  ['its version', () => one(L4L5(), '111003'), 'HAS CONCEPT MOD', 'TEXT', '111003 DCM', '1.2.0'],
  ['its maker', () => one(L4L5(), '122405'), 'HAS CONCEPT MOD', 'TEXT', '122405 DCM', 'Calcidisc'],
  ['its family', () => one(L4L5(), '111000'), 'HAS CONCEPT MOD', 'CODE', '111000 DCM', '123110 DCM'],
  ['probability', () => one(L4L5(), '111012'), 'CONTAINS', 'NUM', '111012 DCM', '87.31 %'],
  ['result', () => one(L4L5(), '18115005'), 'CONTAINS', 'CODE', '18115005 SCT', '52101004 SCT'],
  ['mean HU', () => all(L4L5(), '112031')[0]!, 'CONTAINS', 'NUM', '112031 DCM', '214.3 HU'],
  ['maximum HU', () => all(L4L5(), '112031')[1]!, 'CONTAINS', 'NUM', '112031 DCM', '371.25 HU'],
  ['evaluations', () => one(root(), 'C0034375'), 'CONTAINS', 'CONTAINER', 'C0034375 UMLS', ''],
];

describe('report: every item of TID 1500 as it reads back', () => {
  for (const [what, find, relationship, valueType, concept, value] of ROWS) {
    it(what, () => {
      const node = find();
      assert.equal(node.relationship, relationship);
      assert.equal(node.valueType, valueType);
      assert.equal(`${node.concept?.value} ${node.concept?.scheme}`, concept);
      const said = node.code ? codeText(node) : node.value;
      if (typeof value === 'string') assert.equal(said, value);
      else assert.match(said, value);
    });
  }

  it('says which template each container follows, which no validator looks for', () => {
    assert.equal(root().template, '1500');
    assert.equal(one(root(), '111028').template, '1600');
    assert.deepEqual(
      groups(root()).map((group) => group.template),
      ['1410', '1410', '1410', '1410', '1410'],
    );
  });

  it('writes units in UCUM, which no validator looks for', () => {
    const units = [one(L4L5(), '111012'), ...all(L4L5(), '112031')].map((node) => node.measured?.unit);
    assert.deepEqual(
      units.map((unit) => `${unit?.value} ${unit?.scheme}`),
      ['% UCUM', "[hnsf'U] UCUM", "[hnsf'U] UCUM"],
    );
  });

  it('tells mean from maximum, and both from the MR by their method', () => {
    const [mean, maximum] = all(L4L5(), '112031');
    assert.equal(codeText(one(mean!, '121401')), '373098007 SCT');
    assert.equal(codeText(one(maximum!, '121401')), '56851009 SCT');
    for (const node of [mean!, maximum!]) assert.equal(codeText(one(node, '370129005')), '77477000 SCT');
    assert.match(mean!.concept!.meaning, /mean/);
    assert.match(maximum!.concept!.meaning, /maximum/);
  });

  it('carries what is needed to repeat the answer', () => {
    const parameters = all(L4L5(), '111002').map((node) => node.value);
    for (const part of [
      'ab'.repeat(32),
      'cd'.repeat(32),
      'threshold: 0.5',
      '120.1 to 383.7 HU',
      '10 mm',
      '1 to 99.5',
    ])
      assert.ok(
        parameters.some((text) => text.includes(part)),
        part,
      );
  });

  it('names every disc by its code, from above down', () => {
    assert.deepEqual(
      groups(root()).map((group) => one(group, '121071').code),
      LEVELS.map((level) => LEVEL_TABLE[level].code),
    );
  });

  it('lists every image that was read, MR and CT apart', () => {
    const [mr, ct] = all(one(root(), '111028'), '126200');
    for (const [group, modality, series] of [
      [mr!, 'MR', MR],
      [ct!, 'CT', CT],
    ] as const) {
      assert.equal(codeText(one(group, '121139')), `${modality} DCM`);
      assert.equal(codeText(one(group, '123014')), '122496007 SCT');
      assert.equal(one(group, '111060').value, series.studyDate);
      assert.equal(one(group, '112227').value, series.frameOfReferenceUid);
      const images = group.children.filter((node) => node.valueType === 'IMAGE').map((node) => node.value);
      assert.deepEqual(
        images,
        series.instances.map((instance) => instance.sopInstanceUid),
      );
    }
  });
});

describe('report: what it says', () => {
  it('the answer, every doubt and what it is stand first, before lists of images and measurements', () => {
    const { root } = readBack({ localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } });
    const names = root.children.map(({ concept }) => concept?.value);
    assert.ok(
      names.indexOf('121111') >= 0 && names.indexOf('121111') < names.indexOf('111028'),
      names.join(),
    );
    assert.match(
      one(root, '121111').value,
      /^Calcification flagged in 1 of 5 discs, levels not confirmed.* sacrum not seen.*A person must confirm.*not for diagnosis/,
    );
  });

  it('is preliminary, unverified, complete, and made by a device', () => {
    const report = readBack();
    assert.deepEqual([report.preliminary, report.verified, report.completion], [true, false, 'COMPLETE']);
    const author = (report.dataset.AuthorObserverSequence as Record<string, unknown>[])[0]!;
    assert.equal(author.ObserverType, 'DEV');
    assert.equal(report.dataset.SpecificCharacterSet, 'ISO_IR 192');
  });

  it('says in itself that it is research software trained on simulated calcification', () => {
    const said = comments(root()).join('\n');
    assert.match(said, /research software, not a medical device/);
    assert.match(said, /trained on simulated calcification/);
    assert.match(said, /SPIDER, van der Graaf et al\., Sci Data 11:264 \(2024\), CC BY 4\.0/);
    const real = reportInput();
    const plain = readBack({ classifier: { ...real.classifier!, simulated: false } }).root;
    assert.doesNotMatch(comments(plain).join('\n'), /simulated/);
  });

  it('tells the pairing', () => {
    const pairing = (changes: Parameters<typeof readBack>[0]) =>
      comments(readBack(changes).root).find((comment) => /aired/.test(comment));
    const paired = (intervalDays: number) =>
      pairing({ pairing: { outcome: 'paired', intervalDays, windowDays: 28, candidates: [] } });
    assert.equal(paired(10), 'Paired with a CT 10 days after the MR.');
    assert.equal(paired(-1), 'Paired with a CT 1 day before the MR.');
    assert.equal(paired(0), 'Paired with a CT of the same day.');
    const alone = pairing({
      ct: null,
      pairing: { outcome: 'no-ct', intervalDays: null, windowDays: 28, candidates: [] },
    });
    assert.match(alone!, /^Not paired with a CT within 28 days: no CT of this patient that is taken/);
  });

  it('leaves the probability out, not zero, when there is no score, and reads as indeterminate', () => {
    const [group] = groups(readBack({ discs: [disc('L1-L2', { answer: null })] }).root);
    assert.deepEqual(all(group!, '111012'), []);
    assert.equal(codeText(one(group!, '18115005')), '82334004 SCT');
  });

  it('says of a disc that cannot be read that it cannot, with the reason and without a score', () => {
    const { root } = readBack({
      discs: [disc('L4-L5', unstated('not-assessable', 'blurred beyond reading'))],
    });
    const [group] = groups(root);
    assert.equal(codeText(one(group!, '18115005')), '1156316003 SCT');
    assert.equal(all(group!, '111012').length, 0);
    assert.ok(all(group!, '121106').some(({ value }) => /blurred beyond reading/.test(value)));
    assert.match(one(one(root, 'C0034375'), '121077').value, /^No result\. 1 of 1 discs not assessable/);
  });

  it('never calls a report without a statement "no calcification flagged"', () => {
    const discs = [
      disc('L4-L5', unstated('indeterminate', 'just below the threshold')),
      disc('L5-S1', { answer: { probability: 0.1, threshold: 0.5, answer: 'not-calcified', reasons: [] } }),
    ];
    const said = one(one(readBack({ discs }).root, 'C0034375'), '121077').value;
    assert.equal(said, 'No calcification flagged. 1 of 2 discs indeterminate.');
  });

  it('leaves the attenuation out when the CT measured none', () => {
    const ct = { label: 'indeterminate', meanHu: null, maxHu: null, areaMm2: 0 } as const;
    const [group] = groups(readBack({ discs: [disc('L1-L2', { ct })] }).root);
    assert.deepEqual(all(group!, '112031'), []);
    assert.match(all(group!, '121106').at(-1)!.value, /CT reference: indeterminate/);
  });

  it('asks for a CT when a disc is flagged on MR alone, and only then', () => {
    const alone = {
      ct: null,
      pairing: { outcome: 'no-ct', intervalDays: null, windowDays: 28, candidates: [] },
    };
    const flagged = [disc('L4-L5', { ...CALCIFIED, ct: null })];
    const negative = [disc('L4-L5', { ct: null })];
    const asked = one(readBack({ ...alone, discs: flagged }).root, 'C0034375');
    assert.equal(codeText(one(asked, '111053')), '77477000 SCT');
    assert.match(one(asked, '121075').value, /L4-L5/);
    for (const changes of [{ ...alone, discs: negative }, { discs: [disc('L4-L5', CALCIFIED)] }])
      assert.deepEqual(all(one(readBack(changes).root, 'C0034375'), '111053'), []);
  });

  it('names discs that were not found instead of keeping silent', () => {
    const report = readBack({ discs: LEVELS.slice(0, 4).map((level) => disc(level)) });
    assert.ok(comments(report.root).some((comment) => /Not found, so not read: L5-S1/.test(comment)));
    assert.equal(report.completion, 'PARTIAL');
  });
});

describe('report: a localiser in doubt', () => {
  const uncertain = () => readBack({ localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } });

  it('states no level as a fact', () => {
    for (const group of groups(uncertain().root)) {
      assert.equal(codeText(one(group, '121071')), '360499006 SCT');
      assert.equal(codeText(one(group, '363698007')), '122496007 SCT');
      assert.match(one(group, '112039').value, /level not confirmed/);
      assert.doesNotMatch(one(group, '112039').value, /L\d/);
    }
  });

  it('tracks such a disc under no confirmed disc of the patient', () => {
    const sure = new Set(groups(root()).map((group) => one(group, '112040').value));
    for (const group of groups(uncertain().root)) assert.ok(!sure.has(one(group, '112040').value));
  });

  it('asks for a person and says why', () => {
    assert.match(comments(uncertain().root, '121075').join(), /A person must confirm the level/);
    assert.match(
      comments(uncertain().root).join(),
      /uncertain and are not stated as fact\. Reasons: sacrum not seen/,
    );
    assert.equal(uncertain().completion, 'PARTIAL');
  });

  it('sets no CT value against a disc when either side is not sure of its level', () => {
    const doubt = { status: 'uncertain', reasons: ['slices disagree'] } as const;
    for (const changes of [{ localisation: doubt }, { ctLocalisation: doubt }]) {
      const report = readBack(changes);
      for (const group of groups(report.root)) assert.deepEqual(all(group, '112031'), []);
      assert.match(comments(report.root).join(), /values are not set against/);
    }
  });

  it('reports a study without discs as read by nobody, with no measurement', () => {
    const report = readBack({
      localisation: { status: 'not-found', reasons: ['no disc on any slice'] },
      discs: [],
      classifier: null,
    });
    assert.deepEqual(all(report.root, '126010'), []);
    assert.match(comments(report.root).join(), /No lumbar disc was found on the MR.*no disc on any slice/);
    assert.match(comments(report.root, '121075').join(), /A person must read this study/);
    assert.equal(report.completion, 'PARTIAL');
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CtFacts, CtReading } from '../../agent/domain/ctReading.js';
import { samePerson } from '../../agent/domain/identity.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { type CtCandidate, calendarDays, decidePairing } from '../../agent/pair/window.js';

const person = {
  patientId: 'P1',
  issuerOfPatientId: '',
  patientName: 'DOE^JANE',
  patientBirthDate: '1970-01-01',
  patientSex: 'F',
};
const mr = { ...person, acquisitionDate: '2024-01-10' };

/** A soft CT of 1 mm that shows and tells all five discs. */
const FACTS: CtFacts = {
  images: 200,
  sliceMm: 1,
  sliceThicknessMm: 1,
  gantryTiltDegrees: 0,
  notHounsfield: null,
  derived: null,
  kernel: { names: ['Br40'], sharpness: 'soft', judgedBy: 'name' },
  noiseHu: 12,
  contrast: 'not-said',
};
const SHARP = { names: ['Br64'], sharpness: 'sharp', judgedBy: 'name' } as const;

function read(facts: Partial<CtFacts> = {}, over: Partial<CtReading> = {}): CtReading {
  return {
    status: 'located',
    reasons: [],
    discs: LEVELS.map((level) => ({ level, label: 'not-calcified' as const })),
    facts: { ...FACTS, ...facts },
    ...over,
  };
}

function ct(over: Partial<CtCandidate>): CtCandidate {
  return {
    ...person,
    seriesInstanceUid: '1.2.3',
    acquisitionDate: '2024-01-20',
    instanceCount: 100,
    isContradictory: false,
    decided: null,
    seriesNumber: 2,
    seriesDescription: 'LSPINE',
    receiving: false,
    reading: read(),
    ...over,
  };
}
const pair = (...candidates: CtCandidate[]) => decidePairing(mr, candidates, 28);
const chosen = (...candidates: CtCandidate[]) => {
  const decision = pair(...candidates);
  return decision.wait ? 'wait' : (decision.ctSeriesInstanceUid ?? decision.outcome);
};

describe('pair: within 28 calendar days either way', () => {
  for (const [date, outcome] of [
    ['2024-01-10', '1.2.3'],
    ['2024-02-07', '1.2.3'],
    ['2024-02-08', 'outside-window'],
    ['2023-12-13', '1.2.3'],
    ['2023-12-12', 'outside-window'],
  ] as const) {
    it(`MR 2024-01-10 and CT ${date}: ${outcome}`, () => {
      assert.equal(chosen(ct({ acquisitionDate: date })), outcome);
    });
  }
  it('records CT minus MR in days', () => {
    const decision = pair(ct({ acquisitionDate: '2024-01-05' }));
    assert.ok(!decision.wait && decision.intervalDays === -5);
  });
  it('a leap day and a change of the clocks are one day each', () => {
    assert.equal(calendarDays('2024-02-28', '2024-03-01'), 2);
    assert.equal(calendarDays('2024-03-30', '2024-04-01'), 2);
  });
});

describe('pair: which CT', () => {
  it('the nearest in time, then the finer slices, then the more of them', () => {
    const near = ct({
      seriesInstanceUid: '1.1',
      acquisitionDate: '2024-01-12',
      reading: read({ sliceMm: 2 }),
    });
    const far = ct({ seriesInstanceUid: '1.2', acquisitionDate: '2024-01-20' });
    const fine = ct({ seriesInstanceUid: '1.3', acquisitionDate: '2024-01-12' });
    const more = ct({ seriesInstanceUid: '1.4', acquisitionDate: '2024-01-12', instanceCount: 300 });
    assert.equal(chosen(near, far), '1.1');
    assert.equal(chosen(near, far, fine), '1.3');
    assert.equal(chosen(near, far, fine, more), '1.4');
  });
  it('whatever the order they arrived in', () => {
    const candidates = [1, 2, 3, 4].map((n) => ct({ seriesInstanceUid: `1.${n}` }));
    fc.assert(
      fc.property(fc.shuffledSubarray(candidates, { minLength: 4 }), (order) =>
        assert.equal(chosen(...order), '1.1'),
      ),
    );
  });
  it('waits for one that is still arriving, but not for one outside the window', () => {
    assert.equal(chosen(ct({}), ct({ seriesInstanceUid: '1.9', receiving: true })), 'wait');
    assert.equal(chosen(ct({}), ct({ receiving: true, acquisitionDate: '2024-06-01' })), '1.2.3');
  });
  it('waits for one that is complete and not read yet: nobody knows whether it serves', () => {
    assert.equal(chosen(ct({}), ct({ seriesInstanceUid: '1.9', reading: null })), 'wait');
  });
  it('says why there is none', () => {
    assert.equal(chosen(), 'no-ct');
    assert.equal(chosen(ct({ acquisitionDate: null })), 'no-date');
    assert.equal(chosen(ct({ patientName: 'ROE^RICHARD' })), 'identity-differs');
    assert.equal(decidePairingOutcome({ ...mr, patientId: '' }), 'no-patient-id');
    assert.equal(decidePairingOutcome({ ...mr, acquisitionDate: null }), 'no-date');
  });
  it('says how the names of one patient are written differently, and in what two patients differ', () => {
    const decision = pair(
      ct({ seriesInstanceUid: '1.7', patientName: 'Doë^Jane^Marie' }),
      ct({ seriesInstanceUid: '1.8', patientName: 'SMITH^JANE', patientSex: 'M' }),
    );
    assert.ok(!decision.wait && decision.ctSeriesInstanceUid === '1.7');
    const [same, other] = decision.candidates.map(({ identity }) => identity);
    assert.deepEqual(same, {
      differs: [],
      nameDiffers: ['accents or umlauts', 'a part on one side only'],
      decided: null,
    });
    assert.deepEqual(other!.differs, ['sex', 'name']);
  });
  it("a person's word counts for more than the headers", () => {
    assert.equal(chosen(ct({ patientName: 'SMITH^JANE', decided: 'same' })), '1.2.3');
    assert.equal(chosen(ct({ decided: 'different' })), 'identity-differs');
    assert.equal(chosen(ct({ isContradictory: true, decided: 'same' })), '1.2.3');
  });
  it('keeps the verdict on every CT it weighed', () => {
    const decision = pair(ct({}), ct({ seriesInstanceUid: '1.8', acquisitionDate: '2024-09-01' }));
    assert.ok(!decision.wait);
    assert.deepEqual(
      decision.candidates.map(({ verdict }) => verdict),
      ['chosen', 'outside-window'],
    );
  });
});

describe('pair: a CT is judged by whether it serves', () => {
  const uncertain = read({}, { status: 'uncertain', reasons: ['the sacrum is not seen'] });
  const told = (count: number) =>
    read(
      {},
      {
        discs: LEVELS.map((level, i) => ({ level, label: i < count ? 'not-calcified' : 'indeterminate' })),
      },
    );
  const nothing = read({}, { status: 'not-found', discs: [], reasons: ['no bone in the scan'] });
  const unreadable: CtReading = { status: 'unreadable', reasons: ['JPEG'], discs: [], facts: null };

  for (const [name, worse, why] of [
    ['a sharp kernel', read({ kernel: SHARP }), /it is sharp: kernel Br64 \(sharp\)/],
    [
      'a kernel without a name that is noisy',
      read({ kernel: { names: [], sharpness: 'sharp', judgedBy: 'noise' }, noiseHu: 63 }),
      /kernel not named \(sharp by its noise of 63 HU\)/,
    ],
    ['another part of the body', nothing, /no lumbar disc that could be measured \(no bone in the scan\)/],
    ['a needle check of one level', uncertain, /its levels are uncertain \(the sacrum is not seen\)/],
    [
      'a density map',
      read({ notHounsfield: 'a density map' }, { discs: [] }),
      /not in Hounsfield units: a density map/,
    ],
    [
      'a picture without contrast agent, computed',
      read({ derived: 'virtual non-contrast' }),
      /it is computed/,
    ],
    ['a myelography', read({ contrast: 'intrathecal' }), /contrast agent lies in the sac/],
    ['three discs of five told', told(3), /it tells 3 of 5 discs, the other 5/],
    ['slices of 5 mm', read({ sliceMm: 5 }), /its slices are 5.0 mm apart/],
    ['what cannot be decoded', unreadable, /it cannot be read \(JPEG\)/],
  ] as const)
    it(`${name}, although nearer, is passed over, in either order, and it is said why`, () => {
      const near = ct({ seriesInstanceUid: '1.1', acquisitionDate: mr.acquisitionDate, reading: worse });
      const far = ct({ seriesInstanceUid: '1.2' });
      for (const both of [
        [near, far],
        [far, near],
      ]) {
        const decision = pair(...both);
        assert.ok(!decision.wait);
        assert.equal(decision.ctSeriesInstanceUid, '1.2');
        const passed = decision.candidates.find(({ ctSeriesInstanceUid }) => ctSeriesInstanceUid === '1.1')!;
        assert.notEqual(passed.verdict, 'chosen');
        assert.match(passed.why ?? '', why);
      }
    });

  it('contrast agent in the vessels is no reason to take one from another day, but among those of one day', () => {
    const given = read({ contrast: 'given' });
    const near = ct({ seriesInstanceUid: '1.1', acquisitionDate: mr.acquisitionDate, reading: given });
    assert.equal(chosen(near, ct({ seriesInstanceUid: '1.2' })), '1.1');
    assert.equal(chosen(near, ct({ seriesInstanceUid: '1.2', acquisitionDate: mr.acquisitionDate })), '1.2');
  });

  it('a sharp one alone is measured: it is the best there is', () => {
    assert.equal(chosen(ct({ reading: read({ kernel: SHARP }) })), '1.2.3');
  });

  it('when none serves the MR goes on without, and that is the reason, not that there was no CT', () => {
    const decision = pair(ct({ reading: nothing }), ct({ seriesInstanceUid: '1.9', acquisitionDate: null }));
    assert.ok(!decision.wait);
    assert.deepEqual([decision.outcome, decision.ctSeriesInstanceUid], ['none-serves', null]);
  });

  it('the answer never depends on the order in which they came', () => {
    const all = [
      read({ kernel: SHARP }),
      read({ sliceMm: 5 }),
      nothing,
      uncertain,
      read({ contrast: 'given' }),
      read({ derived: 'monoenergetic' }),
      read(),
    ].map((reading, i) => ct({ seriesInstanceUid: `1.${i}`, reading }));
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (order) =>
        assert.equal(chosen(...order), '1.6'),
      ),
    );
  });
});

function decidePairingOutcome(series: Parameters<typeof decidePairing>[0]): string {
  const decision = decidePairing(series, [ct({})], 28);
  return decision.wait ? 'wait' : decision.outcome;
}

describe('pair: the same patient ID is not yet the same person', () => {
  for (const [name, over, same] of [
    ['an accent and a trailing caret', { patientName: 'Doé^Jane^^' }, true],
    ['a name one side does not know', { patientName: '' }, true],
    ['another name', { patientName: 'DOE^JOHN' }, false],
    ['another birth date', { patientBirthDate: '1971-01-01' }, false],
    ['a birth date one side does not know', { patientBirthDate: null }, true],
    ['another issuer', { issuerOfPatientId: 'B' }, true],
  ] as const) {
    it(`${name}: ${same}`, () => assert.equal(samePerson(person, { ...person, ...over }), same));
  }
  it('two issuers that differ', () => {
    assert.equal(
      samePerson({ ...person, issuerOfPatientId: 'A' }, { ...person, issuerOfPatientId: 'B' }),
      false,
    );
  });
});

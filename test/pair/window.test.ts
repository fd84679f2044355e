import assert from 'node:assert/strict';
import fc from 'fast-check';
import { samePerson } from '../../agent/domain/identity.js';
import { type CtCandidate, calendarDays, decidePairing } from '../../agent/pair/window.js';

const person = {
  patientId: 'P1',
  issuerOfPatientId: '',
  patientName: 'DOE^JANE',
  patientBirthDate: '1970-01-01',
  patientSex: 'F',
};
const mr = { ...person, acquisitionDate: '2024-01-10' };

function ct(over: Partial<CtCandidate>): CtCandidate {
  return {
    ...person,
    seriesInstanceUid: '1.2.3',
    acquisitionDate: '2024-01-20',
    instanceCount: 100,
    isContradictory: false,
    decided: null,
    sliceSpacingMm: 1,
    receiving: false,
    isUnreadable: false,
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
    const near = ct({ seriesInstanceUid: '1.1', acquisitionDate: '2024-01-12', sliceSpacingMm: 5 });
    const far = ct({ seriesInstanceUid: '1.2', acquisitionDate: '2024-01-20' });
    const fine = ct({ seriesInstanceUid: '1.3', acquisitionDate: '2024-01-12', sliceSpacingMm: 1 });
    const more = ct({
      seriesInstanceUid: '1.4',
      acquisitionDate: '2024-01-12',
      sliceSpacingMm: 1,
      instanceCount: 300,
    });
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

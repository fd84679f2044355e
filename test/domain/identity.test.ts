import assert from 'node:assert/strict';
import fc from 'fast-check';
import { comparePersons, isOnePerson, type PatientIdentity } from '../../agent/domain/identity.js';
import { compareNames } from '../../agent/domain/names.js';

const person: PatientIdentity = {
  patientId: 'P1',
  issuerOfPatientId: '',
  patientName: 'DOE^JANE',
  patientBirthDate: '1970-01-01',
  patientSex: 'F',
};

/** One person's name by two systems: same whatever else is known of them. */
const SAME = [
  ['JAEGER^GUENTHER', 'JÄGER^GÜNTHER', 'accents or umlauts'],
  ['JAGER^GUNTHER', 'JÄGER^GÜNTHER', 'accents or umlauts'],
  ['JAGER^GUNTHER', 'JAEGER^GUENTHER', 'accents or umlauts'],
  ['GROSS^JOERG', 'GROß^JÖRG', 'accents or umlauts'],
  ['SOERENSEN^KIRSTEN', 'SØRENSEN^KIRSTEN', 'accents or umlauts'],
  ['AASE^BJOERN', 'ÅSE^BJÖRN', 'accents or umlauts'],
  ['PENA^INIGO', 'PEÑA^IÑIGO', 'accents or umlauts'],
  ['FRANCOIS^HELENE', 'FRANÇOIS^HÉLÈNE', 'accents or umlauts'],
  ['GONCALVES^JOAO', 'GONÇALVES^JOÃO', 'accents or umlauts'],
  ['LUKASIEWICZ^JOZEF', 'ŁUKASIEWICZ^JÓZEF', 'accents or umlauts'],
  ['doe^jane', 'DOE^JANE', 'case, spaces or punctuation'],
  ['Doe, Jane', 'DOE^JANE', 'case, spaces or punctuation'],
  ["O'BRIEN^SEAN", 'OBRIEN^SEAN', 'case, spaces or punctuation'],
  ['VAN DER BERG^PIET', 'VANDERBERG^PIET', 'case, spaces or punctuation'],
  ['MUELLER-SCHMIDT^ANNA', 'MUELLER SCHMIDT^ANNA', 'case, spaces or punctuation'],
  ['DOE^JANE^^DR', 'DOE^JANE', 'case, spaces or punctuation'],
  ['DR. DOE^JANE', 'DOE^JANE', 'case, spaces or punctuation'],
  ['JANE^DOE', 'DOE^JANE', 'parts in another order'],
  ['DOE JANE', 'DOE^JANE', 'parts in another order'],
  ['JANE DOE', 'DOE^JANE', 'parts in another order'],
  ['DOE^JANE^MARIE', 'DOE^JANE', 'a part on one side only'],
  ['DOE^JANE MARIE', 'DOE^JANE', 'a part on one side only'],
  ['Иванов^Иван', 'IVANOV^IVAN', 'another script'],
  ['ΠΑΠΑΔΟΠΟΥΛΟΣ^ΝΙΚΟΣ', 'PAPADOPOYLOS^NIKOS', 'another script'],
] as const;

/** One person's name where the birth date says so too. */
const ALIKE = [
  ['DOE^J', 'DOE^JANE', 'initials'],
  ['VON LANGENBERG-HOHENSTE^MAX', 'VON LANGENBERG-HOHENSTEIN^MAX', 'cut short'],
  ['VON LANGENBERG-HO', 'VON LANGENBERG-HOHENSTEIN^MAX', 'cut short'],
  ['J?GER^G?NTHER', 'JÄGER^GÜNTHER', 'letters lost'],
  ['J??GER^GUNTHER', 'JÄGER^GÜNTHER', 'letters lost'],
  ['MEIER^HANNA', 'MAIER^HANNA', 'spelt differently'],
  ['SCHMITD^HANNA', 'SCHMIDT^HANNA', 'spelt differently'],
  ['GARCIA LOPEZ^MARIA', 'GARCIA^MARIA', 'a part on one side only'],
  ['DOE', 'DOE^JANE', 'a part on one side only'],
  ['DOE^MARIE', 'DOE^JANE^MARIE', 'a part on one side only'],
  ['森^健二', 'Mori^Kenji', 'another script'],
] as const;

/** Two names. */
const UNLIKE = [
  ['DOE^JANE', 'DOE^JOHN'],
  ['DOE^JANE', 'ROE^JANE'],
  ['DOE^ANNA', 'DOE^EMMA'],
  ['SCHMIDT^ANNA', 'MUELLER^ANNA'],
  ['MEIER^HANNA', 'MAIER^HANNO'],
  ['森^健二', '林^健二'],
  ['D^J', 'DOE^EVE'],
] as const;

describe('identity: one person, written differently', () => {
  for (const [a, b, how] of SAME)
    it(`${a} and ${b}: the same, ${how}`, () => {
      for (const [one, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const compared = compareNames(one, other);
        assert.equal(compared.verdict, 'same');
        assert.ok(compared.how.includes(how), compared.how.join('; '));
      }
    });

  for (const [a, b, how] of ALIKE)
    it(`${a} and ${b}: alike, ${how}; the birth date decides`, () => {
      const compared = compareNames(a, b);
      assert.deepEqual([compared.verdict, compareNames(b, a).verdict], ['alike', 'alike']);
      assert.ok(compared.how.includes(how), compared.how.join('; '));
      const [one, other] = [
        { ...person, patientName: a },
        { ...person, patientName: b },
      ];
      assert.deepEqual(comparePersons(one, other).differs, []);
      assert.deepEqual(comparePersons(one, { ...other, patientBirthDate: null }).differs, ['name']);
    });

  for (const [a, b] of UNLIKE)
    it(`${a} and ${b}: two names, a person decides`, () => {
      const [one, other] = [
        { ...person, patientName: a },
        { ...person, patientName: b },
      ];
      assert.deepEqual(comparePersons(one, other).differs, ['name']);
      assert.equal(isOnePerson([one, other]), false);
    });

  it('alphabetic, ideographic and phonetic groups: one that agrees is enough, in any place', () => {
    const whole = 'Mori^Kenji=森^健二=もり^けんじ';
    for (const part of ['Mori^Kenji', '森^健二', '=森^健二', 'MORI^KENJI==モリ^ケンジ', '==ﾓﾘ^ｹﾝｼﾞ'])
      assert.equal(compareNames(part, whole).verdict, 'same', part);
  });

  it('UTF-8 that was read as Latin-1 is turned back', () => {
    assert.equal(compareNames('J\u00c3\u0084GER^G\u00c3\u009cNTHER', 'JÄGER^GÜNTHER').verdict, 'same');
  });

  it('an empty name, and one of carets alone, is unknown and agrees', () => {
    for (const name of ['', '^^^^', '=', '  '])
      assert.deepEqual(comparePersons({ ...person, patientName: name }, person).differs, []);
  });

  it('any name is the same as itself, whatever its case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (name) => {
        assert.notEqual(compareNames(name, name).verdict, 'unlike');
        assert.notEqual(compareNames(name, name).verdict, 'alike');
      }),
    );
  });

  it('which comes first makes no difference', () => {
    const names = [...SAME, ...ALIKE, ...UNLIKE].map(([a]) => a);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.constantFrom(...names), (a, b) => {
        assert.equal(compareNames(a, b).verdict, compareNames(b, a).verdict, `${a} and ${b}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('identity: what weighs more than a name', () => {
  const other = (over: Partial<PatientIdentity>) => comparePersons(person, { ...person, ...over }).differs;
  it('another ID, issuer, birth date or sex is another person under the same name', () => {
    assert.deepEqual(other({ patientId: 'P2' }), ['patient ID']);
    assert.deepEqual(other({ patientBirthDate: '1970-01-02' }), ['birth date']);
    assert.deepEqual(other({ patientSex: 'M' }), ['sex']);
    const issued = { ...person, issuerOfPatientId: 'NORTH' };
    assert.deepEqual(comparePersons(issued, { ...person, issuerOfPatientId: 'SOUTH' }).differs, [
      'issuer of patient ID',
    ]);
  });
  it('what one side does not say agrees', () => {
    for (const over of [
      { patientBirthDate: null },
      { patientSex: '' },
      { patientSex: 'O' },
      { patientName: '' },
    ])
      assert.deepEqual(other(over), []);
    assert.deepEqual(
      comparePersons({ ...person, issuerOfPatientId: 'north ' }, { ...person, issuerOfPatientId: 'NORTH' })
        .differs,
      [],
    );
  });
});

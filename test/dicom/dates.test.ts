import assert from 'node:assert/strict';
import { acquisitionDateOf, ageYears } from '../../agent/dicom/dates.js';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { type Elements, writePart10 } from './writePart10.js';

const TODAY = '2026-11-29';
const BIRTH = '1960-05-02';
const dateIn = (elements: Elements, birth: string | null = BIRTH) =>
  acquisitionDateOf(parsePart10(writePart10(elements)).dataSet, birth, TODAY);

describe('when an image was taken', () => {
  for (const [name, elements, date, source] of [
    [
      'AcquisitionDateTime before all others',
      { AcquisitionDateTime: '20261102235959.1', AcquisitionDate: '20261103', StudyDate: '20261101' },
      '2026-11-02',
      'AcquisitionDateTime',
    ],
    [
      'a clock that was reset',
      { AcquisitionDate: '19000101', SeriesDate: '20261102' },
      '2026-11-02',
      'SeriesDate',
    ],
    [
      'a date before birth',
      { AcquisitionDate: '19600501', StudyDate: '20261102' },
      '2026-11-02',
      'StudyDate',
    ],
    [
      'a date in the future',
      { AcquisitionDate: '20270101', StudyDate: '20261102' },
      '2026-11-02',
      'StudyDate',
    ],
    ['tomorrow, in another time zone', { AcquisitionDate: '20261130' }, '2026-11-30', 'AcquisitionDate'],
    [
      "the first day of a PC's clock, contradicted",
      { AcquisitionDate: '19800101', StudyDate: '20261102' },
      '2026-11-02',
      'StudyDate',
    ],
    ["a scan on a PC clock's first day", { AcquisitionDate: '20000101' }, '2000-01-01', 'AcquisitionDate'],
    ['only when its pixels were made', { ContentDate: '20261102' }, '2026-11-02', 'ContentDate'],
    ['nothing but impossible dates', { AcquisitionDate: '19000101', StudyDate: '18581117' }, null, null],
  ] as const)
    it(`${name}: ${date} by ${source}`, () => {
      const { acquisitionDate, acquisitionDateSource } = dateIn(elements);
      assert.deepEqual([acquisitionDate, acquisitionDateSource], [date, source]);
    });

  it('a date that is not believed is said, and so are two that contradict each other', () => {
    assert.deepEqual(dateIn({ AcquisitionDate: '19000101', StudyDate: '20261102' }).dateDoubts, [
      "AcquisitionDate 1900-01-01 lies before the patient's birth: not believed",
    ]);
    assert.deepEqual(dateIn({ AcquisitionDate: '20261102', StudyDate: '20260102' }).dateDoubts, [
      'dates contradict each other: AcquisitionDate 2026-11-02, StudyDate 2026-01-02; the first is taken',
    ]);
    assert.deepEqual(dateIn({ AcquisitionDate: '20261102', StudyDate: '20261101' }).dateDoubts, []);
  });

  it('a birth date behind every date of the study takes none of them away', () => {
    assert.equal(dateIn({ StudyDate: '20261102' }, '2027-01-01').acquisitionDate, '2026-11-02');
  });
});

describe('how old the patient was', () => {
  for (const [patientAge, patientBirthDate, acquisitionDate, years] of [
    ['009Y', null, null, 9],
    ['018M', null, null, 1.5],
    [null, '2008-11-02', '2026-11-02', 18],
    [null, '2008-11-03', '2026-11-02', 17],
    ['garbage', '2017-03-01', '2026-11-02', 9],
    [null, null, '2026-11-02', null],
    [null, '2027-01-01', '2026-11-02', null],
  ] as const)
    it(`PatientAge ${patientAge}, born ${patientBirthDate}, scanned ${acquisitionDate}: ${years}`, () =>
      assert.equal(ageYears({ patientAge, patientBirthDate, acquisitionDate }), years));
});

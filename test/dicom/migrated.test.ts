import assert from 'node:assert/strict';
import { extentOf } from '../../agent/dicom/extent.js';
import { type Header, headerOf } from '../../agent/dicom/header.js';
import { KEYWORDS, type Keyword } from '../../agent/dicom/keywords.js';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { isUid } from '../../agent/dicom/uid.js';
import { element, writePart10 } from './writePart10.js';

/** One element as it lies in an archive: with any representation, and bytes of any length. */
const as = (keyword: Keyword, vr: string, value: string | Uint8Array) =>
  element(KEYWORDS[keyword][0], vr, typeof value === 'string' ? Buffer.from(value, 'latin1') : value);

const read = (...elements: readonly Uint8Array[]) =>
  parsePart10(writePart10({}, { tail: Buffer.concat(elements) }));

/** What years of migrations leave behind, and what it says all the same. */
const LEFT_BEHIND: readonly (readonly [
  what: string,
  element: Uint8Array,
  key: keyof Header,
  value: unknown,
])[] = [
  ['a known element as UN', as('EchoTime', 'UN', '100 '), 'echoTime', 100],
  [
    'a vector as UN',
    as('ImageOrientationPatient', 'UN', '0\\1\\0\\0\\0\\-1 '),
    'imageOrientationPatient',
    [0, 1, 0, 0, 0, -1],
  ],
  ['binary numbers as UN', as('Rows', 'UN', Uint8Array.of(0x80, 1)), 'rows', 384],
  ['a DS written as LO', as('PixelSpacing', 'LO', '0.5\\0.5 '), 'pixelSpacing', [0.5, 0.5]],
  ['an IS written as DS', as('InstanceNumber', 'DS', ' 7 '), 'instanceNumber', 7],
  ['a DA written as LO', as('StudyDate', 'LO', '20240110'), 'studyDate', '2024-01-10'],
  ['a CS written as SH', as('Modality', 'SH', 'MR'), 'modality', 'MR'],
  ['an odd length', as('AccessionNumber', 'SH', 'ACC77'), 'accessionNumber', 'ACC77'],
  ['a NUL behind a text', as('SeriesDescription', 'LO', 'T2 TSE SAG\0'), 'seriesDescription', 'T2 TSE SAG'],
  ['NULs behind carets', as('PatientName', 'PN', 'DOE^JANE^^^\0\0'), 'patientName', 'DOE^JANE^^^'],
  ['an ID padded with NUL', as('PatientID', 'LO', '0004711\0'), 'patientId', '0004711'],
  ['an ID padded before and behind', as('PatientID', 'LO', ' 0004711 '), 'patientId', '0004711'],
  [
    'a UID padded with a space',
    as('StudyInstanceUID', 'UI', '1.2.840.77 '),
    'studyInstanceUid',
    '1.2.840.77',
  ],
  ['a UID padded twice', as('SeriesInstanceUID', 'UI', '1.2.840.7\0\0\0'), 'seriesInstanceUid', '1.2.840.7'],
  ['a number with NULs', as('RepetitionTime', 'DS', '3500\0\0'), 'repetitionTime', 3500],
];

describe('headers as years of migrations leave them', () => {
  for (const [what, bytes, key, value] of LEFT_BEHIND)
    it(`${what}: ${key}`, () => assert.deepEqual(headerOf(read(bytes))[key], value));

  it('what images say of each other is read from them too', () => {
    const said = extentOf(
      read(
        as('SpacingBetweenSlices', 'UN', '-4.4'),
        as('SliceThickness', 'LO', '4 '),
        as('ImagesInAcquisition', 'DS', '15'),
        as('NumberOfTemporalPositions', 'IS', '0 '),
      ),
    );
    assert.deepEqual(said, { spacingMm: 4.4, thicknessMm: 4, imagesInAcquisition: 15 });
  });
});

describe('UIDs against the rules', () => {
  for (const uid of [
    '1.2.840.99999.07.0012',
    '1.2..3',
    '1.2.3.',
    '.1.2',
    '12345',
    '0',
    `1.${'2'.repeat(62)}`,
  ])
    it(`${uid.slice(0, 30)} is taken: it is compared and repeated, never taken apart`, () =>
      assert.ok(isUid(uid)));
  for (const uid of [
    '',
    '...',
    '1.2.x',
    '../../etc',
    '1.2 3',
    '1.2\\3',
    `1.${'2'.repeat(63)}`,
    '1.2.3\n',
    null,
  ])
    it(`${JSON.stringify(uid)?.slice(0, 30)} is none`, () => assert.equal(isUid(uid), false));
});

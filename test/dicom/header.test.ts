import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { headerOf, readHeader } from '../../agent/dicom/header.js';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { type Elements, element, type Part10Options, writePart10 } from './writePart10.js';

const MR: Elements = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
  SOPInstanceUID: '2.25.11',
  StudyInstanceUID: '2.25.12',
  SeriesInstanceUID: '2.25.13',
  SpecificCharacterSet: 'ISO_IR 192',
  ImageType: 'ORIGINAL\\PRIMARY\\M',
  Modality: 'MR',
  AcquisitionDate: '20240110',
  StudyDate: '20240109',
  StudyTime: '090000.5',
  PatientName: 'Łączka^Zoë',
  PatientID: 'P1',
  Rows: [512],
  Columns: [384],
  ImageOrientationPatient: '0\\1\\0\\0\\0\\-1',
  ImagePositionPatient: '12.5\\-120\\88.25',
  PixelSpacing: '0.47\\0.47',
  EchoTime: '102',
  ScanningSequence: 'SE',
  InstanceNumber: '7',
};

function header(elements: Elements, options?: Part10Options) {
  return headerOf(parsePart10(writePart10(elements, options)));
}

describe('header', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-header-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('reads the order from the request attributes, else from the image, and is silent without one', () => {
    assert.equal(header(MR).request, null);
    const issuer = [
      { LocalNamespaceEntityID: 'RIS', UniversalEntityID: '1.2.3', UniversalEntityIDType: 'ISO' },
    ];
    const request = header({
      ...MR,
      RequestedProcedureDescription: 'of the image',
      PlacerOrderNumberImagingServiceRequest: 'PL-1',
      IssuerOfAccessionNumberSequence: issuer,
      RequestAttributesSequence: [
        {
          RequestedProcedureID: 'RP7',
          RequestedProcedureDescription: 'MR lumbar spine',
          RequestedProcedureCodeSequence: [
            { CodeValue: 'MRLS', CodingSchemeDesignator: '99RIS', CodeMeaning: 'MR lumbar spine' },
          ],
        },
      ],
    }).request;
    assert.deepEqual(request, {
      id: 'RP7',
      description: 'MR lumbar spine',
      code: { value: 'MRLS', scheme: '99RIS', meaning: 'MR lumbar spine' },
      issuerOfAccession: { local: 'RIS', universal: '1.2.3', universalType: 'ISO' },
      placerOrderNumber: 'PL-1',
      placerIssuer: null,
      fillerOrderNumber: '',
      fillerIssuer: null,
    });
  });

  for (const [name, transferSyntaxUid] of [
    ['Explicit VR Little Endian', '1.2.840.10008.1.2.1'],
    ['Implicit VR Little Endian', '1.2.840.10008.1.2'],
    ['Explicit VR Big Endian', '1.2.840.10008.1.2.2'],
    ['Deflated Explicit VR Little Endian', '1.2.840.10008.1.2.1.99'],
  ] as const) {
    it(`reads the same from ${name}`, () => {
      const read = header(MR, { transferSyntaxUid, pixelData: new Uint8Array(64) });
      assert.equal(read.patientName, 'Łączka^Zoë');
      assert.equal(read.rows, 512);
      assert.deepEqual(read.imagePositionPatient, [12.5, -120, 88.25]);
      assert.deepEqual(read.imageType, ['ORIGINAL', 'PRIMARY', 'M']);
      assert.equal(read.acquisitionDate, '2024-01-10');
      assert.equal(read.studyTime, '090000.5');
      assert.equal(read.transferSyntaxUid, transferSyntaxUid);
      assert.equal(read.patientAge, null);
    });
  }

  it('goes on reading where the header is longer than the first read', async () => {
    const path = join(folder, 'long.dcm');
    // A private element of 100 kB stands between the character set and the rest.
    const long = element(0x00290010, 'OB', new Uint8Array(100_000));
    await writeFile(
      path,
      writePart10({ ...MR, PixelSpacing: '1\\1' }, { tail: long, pixelData: new Uint8Array(400_000) }),
    );
    assert.equal((await readHeader(path)).columns, 384);
  });

  it('takes the first date that is one, and says which', () => {
    const dates = (elements: Elements) => {
      const { acquisitionDate, acquisitionDateSource } = header({ ...MR, ...elements });
      return [acquisitionDate, acquisitionDateSource];
    };
    assert.deepEqual(dates({}), ['2024-01-10', 'AcquisitionDate']);
    assert.deepEqual(dates({ AcquisitionDate: '20240230', AcquisitionDateTime: '20240131101500.1+0100' }), [
      '2024-01-31',
      'AcquisitionDateTime',
    ]);
    assert.deepEqual(dates({ AcquisitionDate: '', SeriesDate: 'garbage' }), ['2024-01-09', 'StudyDate']);
    assert.deepEqual(dates({ AcquisitionDate: '', StudyDate: '' }), [null, null]);
  });

  it('gives null for garbage and never half a vector', () => {
    const read = header({
      ...MR,
      ImageOrientationPatient: '0\\1\\0\\0\\0',
      PixelSpacing: '0.47\\NaN',
      EchoTime: '102 ms',
      InstanceNumber: '1.5',
    });
    assert.equal(read.imageOrientationPatient, null);
    assert.equal(read.pixelSpacing, null);
    assert.equal(read.echoTime, null);
    assert.equal(read.instanceNumber, null);
  });

  it('reads an implicit data set that calls itself explicit', () => {
    const file = Buffer.from(writePart10(MR, { transferSyntaxUid: '1.2.840.10008.1.2' }));
    const at = file.indexOf('1.2.840.10008.1.2\0');
    file.write('1.2.840.10008.1.2.1'.slice(0, 18), at, 'latin1');
    assert.equal(headerOf(parsePart10(file)).rows, 512);
  });

  for (const undefinedLengths of [false, true]) {
    it(`finds the plane of an enhanced object, ${undefinedLengths ? 'undefined' : 'defined'} lengths`, () => {
      const { ImageOrientationPatient, ImagePositionPatient, PixelSpacing, EchoTime, ...rest } = MR;
      const enhanced: Elements = {
        ...rest,
        NumberOfFrames: '2',
        SharedFunctionalGroupsSequence: [
          {
            PlaneOrientationSequence: [{ ImageOrientationPatient: '0\\1\\0\\0\\0\\-1' }],
            PixelMeasuresSequence: [{ PixelSpacing: '0.5\\0.6', SliceThickness: '4' }],
          },
        ],
        PerFrameFunctionalGroupsSequence: [
          {
            PlanePositionSequence: [{ ImagePositionPatient: '1\\2\\3' }],
            MREchoSequence: [{ EffectiveEchoTime: [99.5] }],
          },
          { PlanePositionSequence: [{ ImagePositionPatient: '5\\2\\3' }] },
        ],
      };
      for (const transferSyntaxUid of ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2']) {
        const read = header(enhanced, { undefinedLengths, transferSyntaxUid, pixelData: new Uint8Array(8) });
        assert.deepEqual(read.imageOrientationPatient, [0, 1, 0, 0, 0, -1]);
        assert.deepEqual(read.imagePositionPatient, [1, 2, 3]);
        assert.deepEqual(read.pixelSpacing, [0.5, 0.6]);
        assert.equal(read.sliceThickness, 4);
        assert.equal(read.echoTime, 99.5);
        assert.equal(read.numberOfFrames, 2);
      }
    });
  }

  it('says so when a file is no DICOM', () => {
    assert.throws(() => parsePart10(Buffer.from('{"not":"dicom"}')), { code: 'NOT_DICOM' });
    assert.throws(() => parsePart10(new Uint8Array(0)), { code: 'NOT_DICOM' });
  });

  it('survives a file cut at any byte, and any byte flipped', () => {
    const whole = writePart10(MR, { pixelData: new Uint8Array(16) });
    for (let length = 132; length < whole.length; length++) headerOf(parsePart10(whole.subarray(0, length)));
    fc.assert(
      fc.property(
        fc.integer({ min: 132, max: whole.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        (at, byte) => {
          const broken = Uint8Array.from(whole);
          broken[at] = byte;
          headerOf(parsePart10(broken));
        },
      ),
    );
  });
});

describe('character sets', () => {
  const name = (terms: string, bytes: Buffer) =>
    header({ ...MR, SpecificCharacterSet: terms, PatientName: bytes }).patientName;
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

  // The examples of PS3.5 Annexes H, I, J and K.
  it('PS3.5 H.3.1: Japanese, ISO 2022 IR 87', () => {
    const bytes = hex(
      '59616d6164615e5461726f753d 1b2442 3b33 4544 1b2842 5e 1b2442 4240 4f3a 1b2842 3d 1b2442 2464 245e 2440 1b2842 5e 1b2442 243f 246d 2426 1b2842',
    );
    assert.equal(name('\\ISO 2022 IR 87', bytes), 'Yamada^Tarou=山田^太郎=やまだ^たろう');
  });
  it('PS3.5 H.3.2: Japanese with half-width katakana, ISO 2022 IR 13', () => {
    const bytes = hex(
      'd4cfc0de5ec0dbb33d 1b2442 3b33 4544 1b284a 5e 1b2442 4240 4f3a 1b284a 3d 1b2442 2464 245e 2440 1b284a 5e 1b2442 243f 246d 2426 1b284a',
    );
    assert.equal(name('ISO 2022 IR 13\\ISO 2022 IR 87', bytes), 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう');
  });
  it('PS3.5 I.2: Korean, ISO 2022 IR 149', () => {
    const bytes = hex(
      '486f6e675e47696c646f6e673d 1b242943 fbf3 5e 1b242943 d1ce d4d7 3d 1b242943 c8ab 5e 1b242943 b1e6 b5bf',
    );
    assert.equal(name('\\ISO 2022 IR 149', bytes), 'Hong^Gildong=洪^吉洞=홍^길동');
  });
  it('PS3.5 J.1 and J.3: Chinese, UTF-8 and GB18030', () => {
    assert.equal(name('ISO_IR 192', Buffer.from('Wang^XiaoDong=王^小東')), 'Wang^XiaoDong=王^小東');
    assert.equal(name('GB18030', hex('57616e675e5869616f446f6e673dcdf55ed0a1b6ab')), 'Wang^XiaoDong=王^小东');
  });
  it('Latin-1, Cyrillic, Greek and what was never declared', () => {
    assert.equal(name('ISO_IR 100', Buffer.from('Buc^Jérôme', 'latin1')), 'Buc^Jérôme');
    assert.equal(name('ISO_IR 144', hex('bbee63 65dcd1e3e0d3').subarray(0, 2)), 'Лю');
    assert.equal(name('ISO_IR 126', hex('c4e9efedf5f3e9eff2')), 'Διονυσιος');
    assert.equal(name('', Buffer.from('Müller^Jörg', 'latin1')), 'Müller^Jörg');
    assert.equal(name('', Buffer.from('Müller^Jörg', 'utf8')), 'Müller^Jörg');
    assert.equal(name('ISO_IR 999', Buffer.from('Doe^Jane')), 'Doe^Jane');
  });
});

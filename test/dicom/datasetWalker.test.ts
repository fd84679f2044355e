import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DatasetWalker } from '../../agent/dicom/datasetWalker.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { encodeDataset, encodeElement, type Syntax, smallObject } from '../support/dicomObject.js';

const SYNTAXES: readonly Syntax[] = [
  'explicitVrLittleEndian',
  'implicitVrLittleEndian',
  'explicitVrBigEndian',
];

function walk(dataset: Buffer, syntax: Syntax, pieceBytes = dataset.length) {
  const walker = new DatasetWalker(TRANSFER_SYNTAXES[syntax]);
  for (let at = 0; at < dataset.length; at += pieceBytes) walker.push(dataset.subarray(at, at + pieceBytes));
  return walker.end();
}

/** A data set with nested sequences of undefined length before the series UID, and encapsulated pixels after it. */
function nested(): Buffer {
  const item = (content: Buffer) =>
    Buffer.concat([hex('feff00e0 ffffffff'), content, hex('feff0de0 00000000')]);
  const uid = encodeElement([0x00080018, 'UI', '9.9.9'], 'explicitVrLittleEndian');
  const open = (tag: string, vr: string) => Buffer.concat([hex(tag), Buffer.from(vr), hex('0000 ffffffff')]);
  const sequenceEnd = hex('feffdde0 00000000');
  const inner = Buffer.concat([open('08004011', 'SQ'), item(uid), sequenceEnd]);
  return Buffer.concat([
    encodeElement([0x00080016, 'UI', '1.2'], 'explicitVrLittleEndian'),
    encodeElement([0x00080018, 'UI', '1.2.3'], 'explicitVrLittleEndian'),
    open('08001511', 'SQ'),
    item(inner),
    sequenceEnd,
    // UN of undefined length holds Implicit VR (PS3.5 6.2.2).
    open('09001010', 'UN'),
    item(hex('0800 1800 04000000 39003900')),
    sequenceEnd,
    encodeElement([0x0020000d, 'UI', '1.2.4'], 'explicitVrLittleEndian'),
    encodeElement([0x0020000e, 'UI', '1.2.5'], 'explicitVrLittleEndian'),
    open('e07f1000', 'OB'),
    hex('feff00e0 00000000 feff00e0 04000000 aabbccdd'),
    sequenceEnd,
  ]);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('the data set walker', () => {
  it('finds the same in pieces of any size, in every native syntax', () => {
    for (const syntax of SYNTAXES) {
      const { dataset, sopClassUid, sopInstanceUid } = smallObject({ syntax });
      const found = {
        sopClassUid,
        sopInstanceUid,
        studyInstanceUid: '2.25.1111',
        seriesInstanceUid: '2.25.2222',
        unreadable: null,
      };
      for (let pieceBytes = 1; pieceBytes <= dataset.length; pieceBytes++) {
        assert.deepEqual(walk(dataset, syntax, pieceBytes), found, `${syntax} in pieces of ${pieceBytes}`);
      }
    }
  });

  it('takes UIDs of the data set only, not of its sequences', () => {
    for (const pieceBytes of [1, 5, 1000]) {
      assert.deepEqual(walk(nested(), 'explicitVrLittleEndian', pieceBytes), {
        sopClassUid: '1.2',
        sopInstanceUid: '1.2.3',
        studyInstanceUid: '1.2.4',
        seriesInstanceUid: '1.2.5',
        unreadable: null,
      });
    }
  });

  it('sees every truncation that does not fall between two elements', () => {
    const whole = nested();
    const readable: number[] = [];
    for (let length = 1; length < whole.length; length++) {
      if (walk(whole.subarray(0, length), 'explicitVrLittleEndian').unreadable === null)
        readable.push(length);
    }
    // After the class, the instance, the first and second sequence, the study and the series.
    assert.equal(readable.length, 6);
  });

  it('never throws, never hangs, whatever the bytes and the pieces', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(...SYNTAXES),
        fc.integer({ min: 1, max: 50 }),
        (garbage, syntax, piece) => {
          const inPieces = walk(Buffer.from(garbage), syntax, piece);
          assert.deepEqual(inPieces, walk(Buffer.from(garbage), syntax));
        },
      ),
    );
  });

  it('refuses sequences nested without end instead of remembering them', () => {
    const level = Buffer.concat([hex('08001511'), Buffer.from('SQ'), hex('0000 ffffffff feff00e0 ffffffff')]);
    const { unreadable } = walk(
      Buffer.concat(Array.from({ length: 100 }, () => level)),
      'explicitVrLittleEndian',
    );
    assert.match(unreadable!, /nested too deep/);
  });

  it('an odd element of undefined length is no sequence', () => {
    const dataset = Buffer.concat([hex('08001600'), Buffer.from('UT'), hex('0000 ffffffff')]);
    assert.match(walk(dataset, 'explicitVrLittleEndian').unreadable!, /undefined length at \(0008,0016\)/);
  });

  it('encodes what it reads: an empty value is no UID', () => {
    const dataset = encodeDataset([[0x00080018, 'UI', '']], 'explicitVrLittleEndian');
    assert.deepEqual(walk(dataset, 'explicitVrLittleEndian').sopInstanceUid, null);
  });
});

import { PDU_TYPES } from '../../agent/dicom/dimse/pduFramer.js';
import { dataPdu } from '../../agent/dicom/dimse/pdus.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { encodeDataset, type SmallObject, smallObject } from '../support/dicomObject.js';
import { associateRequest, storePdus } from '../support/rawPeer.js';

export function pduHeader(type: number, length: number): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 2);
  return header;
}

const command = () => storePdus(smallObject())[0]!;
const cut = (bytes: Buffer, at: number, value: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
};

export interface BadDay {
  readonly what: string;
  /** Sent on an open association, or on a bare connection. */
  readonly sends: () => readonly Buffer[];
  readonly isBare?: true;
  readonly sees: string;
}

export const BAD_DAYS: readonly BadDay[] = [
  {
    what: 'a PDU that declares 4 GiB',
    sends: () => [pduHeader(PDU_TYPES.data, 0xffff_ffff), Buffer.alloc(10)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDU longer than the maximum it was told',
    sends: () => [pduHeader(PDU_TYPES.data, 1 << 20), Buffer.alloc(10)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDV longer than its PDU',
    sends: () => [cut(dataPdu(1, true, true, Buffer.alloc(40)), 9, 200)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a PDV of one byte',
    sends: () => [cut(dataPdu(1, true, true, Buffer.alloc(40)), 9, 1)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a P-DATA PDU too short for any PDV',
    sends: () => [pduHeader(PDU_TYPES.data, 3), Buffer.alloc(3)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'P-DATA for a context that was never offered',
    sends: () => [dataPdu(77, true, true, command().subarray(12))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set shorter than it says',
    sends: () => [dataPdu(1, true, true, command().subarray(12, -10))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set whose group length is wrong',
    sends: () => [cut(command(), 12 + 8, 1)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command element that declares 4 GiB',
    sends: () => [dataPdu(1, true, true, Buffer.from('00000200ffffffff', 'hex'))],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a command set without end',
    sends: () => Array.from({ length: 20 }, () => dataPdu(1, true, false, Buffer.alloc(4096))),
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'a data set without a command',
    sends: () => [storePdus(smallObject())[1]!],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a command inside a data set',
    sends: () => [...storePdus(smallObject({ pixelBytes: 40_000 })).slice(0, 2), command()],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a release inside a data set',
    sends: () => [
      ...storePdus(smallObject({ pixelBytes: 40_000 })).slice(0, 2),
      Buffer.concat([pduHeader(PDU_TYPES.releaseRequest, 4), Buffer.alloc(4)]),
    ],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a second association on one connection',
    sends: () => [associateRequest()],
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'a PDU of a type that does not exist',
    sends: () => [pduHeader(0x42, 4)],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'an HTTP request',
    isBare: true,
    sends: () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'a TLS client hello where TLS is off',
    isBare: true,
    sends: () => [Buffer.from('16030100f8010000f40303', 'hex')],
    sees: 'abort: unrecognised PDU',
  },
  {
    what: 'data before an association',
    isBare: true,
    sends: () => storePdus(smallObject()),
    sees: 'abort: unexpected PDU',
  },
  {
    what: 'an association request that declares a gigabyte',
    isBare: true,
    sends: () => [pduHeader(PDU_TYPES.associateRequest, 1 << 30), Buffer.alloc(100)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request whose items run past its end',
    isBare: true,
    sends: () => [cut(associateRequest(), 6 + 68 + 3, 0xff)],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request with a presentation context id twice',
    isBare: true,
    sends: () => [associateRequest([context(1), context(1)])],
    sees: 'abort: invalid PDU parameter',
  },
  {
    what: 'an association request with an even presentation context id',
    isBare: true,
    sends: () => [associateRequest([context(2)])],
    sees: 'abort: invalid PDU parameter',
  },
];

function context(id: number) {
  return { id, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] };
}

const { datasetMismatch, cannotUnderstand, sopClassNotSupported } = STATUSES;
const good = smallObject();
const withoutSeries = encodeDataset(
  [
    [0x00080016, 'UI', good.sopClassUid],
    [0x00080018, 'UI', good.sopInstanceUid],
    [0x0020000d, 'UI', '2.25.1'],
  ],
  'explicitVrLittleEndian',
);
const twice = encodeDataset(
  [
    [0x00080016, 'UI', good.sopClassUid],
    [0x00080018, 'UI', good.sopInstanceUid],
    [0x00080018, 'UI', '2.25.77'],
  ],
  'explicitVrLittleEndian',
);
/** Objects that are refused: what is wrong, the object, what its command says otherwise, and the status. */
export const REFUSED_OBJECTS: readonly [
  why: string,
  object: SmallObject,
  says: Partial<SmallObject>,
  status: number,
][] = [
  ['another instance than the command says', good, { sopInstanceUid: '2.25.5' }, datasetMismatch.code],
  [
    'another SOP class than the context’s',
    good,
    { sopClassUid: SOP_CLASSES.mrImage.uid },
    sopClassNotSupported.code,
  ],
  [
    'another SOP class in the data set',
    smallObject({ sopClassUid: SOP_CLASSES.mrImage.uid }),
    { sopClassUid: SOP_CLASSES.ctImage.uid },
    datasetMismatch.code,
  ],
  ['no series', { ...good, dataset: withoutSeries }, {}, datasetMismatch.code],
  ['two SOP Instance UIDs', { ...good, dataset: twice }, {}, cannotUnderstand.code],
  ['a UID with ../ in it', smallObject({ sopInstanceUid: '../../../tmp/x' }), {}, datasetMismatch.code],
  [
    'a UID of 65 characters',
    smallObject({ sopInstanceUid: `1.${'2'.repeat(63)}` }),
    {},
    datasetMismatch.code,
  ],
  ['a study UID with ../', smallObject({ studyInstanceUid: '../../x' }), {}, datasetMismatch.code],
  ['garbage', { ...good, dataset: Buffer.alloc(5000, 'not DICOM at all') }, {}, cannotUnderstand.code],
  [
    'an end inside an element',
    { ...good, dataset: good.dataset.subarray(0, -10) },
    {},
    cannotUnderstand.code,
  ],
  ['an empty data set', { ...good, dataset: Buffer.alloc(0) }, {}, cannotUnderstand.code],
];

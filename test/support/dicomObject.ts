import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { encodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { newUid } from '../../agent/dicom/uid.js';

type Value = string | Buffer;
/** [tag, VR, value] in ascending order of tags. */
export type Element = readonly [tag: number, vr: string, value: Value];

export interface SmallObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataset: Buffer;
}

export interface SmallObjectOptions {
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly patientId?: string;
  /** Bytes of (7FE0,0010), filled with a pattern. */
  readonly pixelBytes?: number;
  readonly syntax?: Syntax;
}

export type Syntax = 'explicitVrLittleEndian' | 'implicitVrLittleEndian' | 'explicitVrBigEndian';

/** A CT image as far as a receiver looks: UIDs, patient, pixels. */
export function smallObject(options: SmallObjectOptions = {}): SmallObject {
  const sopClassUid = options.sopClassUid ?? SOP_CLASSES.ctImage.uid;
  const sopInstanceUid = options.sopInstanceUid ?? newUid();
  const syntax = options.syntax ?? 'explicitVrLittleEndian';
  const elements: Element[] = [
    [0x00080016, 'UI', sopClassUid],
    [0x00080018, 'UI', sopInstanceUid],
    [0x00080060, 'CS', 'CT'],
    [0x00100010, 'PN', 'TEST^SMALL'],
    [0x00100020, 'LO', options.patientId ?? 'SMALL'],
    [0x0020000d, 'UI', options.studyInstanceUid ?? '2.25.1111'],
    [0x0020000e, 'UI', options.seriesInstanceUid ?? '2.25.2222'],
    [0x7fe00010, 'OW', pixelsOf(sopInstanceUid, options.pixelBytes ?? 64)],
  ];
  const dataset = encodeDataset(elements, syntax);
  return { sopClassUid, sopInstanceUid, transferSyntaxUid: TRANSFER_SYNTAXES[syntax].uid, dataset };
}

/** No two stretches alike, or bytes in a wrong place would not be seen; the same for the same UID. */
function pixelsOf(sopInstanceUid: string, outputLength: number): Buffer {
  return createHash('shake256', { outputLength }).update(sopInstanceUid).digest();
}

/** The object as a Part 10 file. */
export function fileOf({ dataset, ...meta }: SmallObject, sourceAe = 'TEST'): Buffer {
  return Buffer.concat([encodeFileMeta({ ...meta, sourceAe }), dataset]);
}

export async function writeObject(path: string, object: SmallObject): Promise<string> {
  await writeFile(path, fileOf(object));
  return path;
}

export function encodeDataset(elements: readonly Element[], syntax: Syntax): Buffer {
  return Buffer.concat(elements.map((each) => encodeElement(each, syntax)));
}

const LONG_VRS = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

export function encodeElement([tag, vr, value]: Element, syntax: Syntax): Buffer {
  const bytes = padded(vr, value);
  const isLittle = syntax !== 'explicitVrBigEndian';
  const isLong = syntax === 'implicitVrLittleEndian' || LONG_VRS.has(vr);
  const header = Buffer.alloc(syntax !== 'implicitVrLittleEndian' && isLong ? 12 : 8);
  const write16 = (number: number, at: number) =>
    isLittle ? header.writeUInt16LE(number, at) : header.writeUInt16BE(number, at);
  write16(tag >>> 16, 0);
  write16(tag & 0xffff, 2);
  if (syntax !== 'implicitVrLittleEndian') header.write(vr, 4, 'latin1');
  if (!isLong) write16(bytes.length, 6);
  else if (isLittle) header.writeUInt32LE(bytes.length, header.length - 4);
  else header.writeUInt32BE(bytes.length, header.length - 4);
  return Buffer.concat([header, bytes]);
}

function padded(vr: string, value: Value): Buffer {
  if (typeof value !== 'string') return value;
  const pad = vr === 'UI' ? '\0' : ' ';
  return Buffer.from(value.length % 2 === 0 ? value : value + pad, 'latin1');
}

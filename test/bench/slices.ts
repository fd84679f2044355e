import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type Element, encodeDataset, fileOf } from '../support/dicomObject.js';

const SIZE = 512;

/** CT slices of 512 by 512 in 16 bits with the headers a receiver indexes: half a megabyte each. */
export async function writeSlices(folder: string, count: number): Promise<string[]> {
  const [studyUid, seriesUid] = [newUid(), newUid()];
  const paths: string[] = [];
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index++) {
    const path = join(folder, `${String(index).padStart(4, '0')}.dcm`);
    await writeFile(path, slice(index, studyUid, seriesUid));
    paths.push(path);
  }
  return paths;
}

function slice(index: number, studyUid: string, seriesUid: string): Buffer {
  const sopInstanceUid = newUid();
  const sopClassUid = SOP_CLASSES.ctImage.uid;
  const us = (value: number) => Buffer.from(Uint16Array.of(value).buffer);
  const elements: Element[] = [
    [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    [0x00080016, 'UI', sopClassUid],
    [0x00080018, 'UI', sopInstanceUid],
    [0x00080020, 'DA', '20240110'],
    [0x00080030, 'TM', '090000'],
    [0x00080050, 'SH', 'BENCH'],
    [0x00080060, 'CS', 'CT'],
    [0x00080070, 'LO', 'Invented'],
    [0x0008103e, 'LO', 'Bench'],
    [0x00100010, 'PN', 'BENCH^INGEST'],
    [0x00100020, 'LO', 'BENCH'],
    [0x00100030, 'DA', '19700101'],
    [0x00100040, 'CS', 'O'],
    [0x00180050, 'DS', '1'],
    [0x0020000d, 'UI', studyUid],
    [0x0020000e, 'UI', seriesUid],
    [0x00200011, 'IS', '1'],
    [0x00200013, 'IS', String(index + 1)],
    [0x00200032, 'DS', `-200\\-200\\${index}`],
    [0x00200037, 'DS', '1\\0\\0\\0\\1\\0'],
    [0x00200052, 'UI', `${studyUid}.1`.slice(0, 64)],
    [0x00280002, 'US', us(1)],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', us(SIZE)],
    [0x00280011, 'US', us(SIZE)],
    [0x00280030, 'DS', '0.78\\0.78'],
    [0x00280100, 'US', us(16)],
    [0x00280101, 'US', us(16)],
    [0x00280102, 'US', us(15)],
    [0x00280103, 'US', us(1)],
    [0x00281052, 'DS', '0'],
    [0x00281053, 'DS', '1'],
    [0x7fe00010, 'OW', pixels(index)],
  ];
  const transferSyntaxUid = TRANSFER_SYNTAXES.explicitVrLittleEndian.uid;
  const dataset = encodeDataset(elements, 'explicitVrLittleEndian');
  return fileOf({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataset }, 'BENCH');
}

/** A body in air with noise from a linear congruential generator: the same bytes in every run. */
function pixels(seed: number): Buffer {
  const image = new Int16Array(SIZE * SIZE);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < image.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [x, y] = [(i % SIZE) - SIZE / 2, Math.floor(i / SIZE) - SIZE / 2];
    const isBody = (x / 200) ** 2 + (y / 140) ** 2 < 1;
    image[i] = (isBody ? 40 : -1000) + ((state >>> 26) - 32);
  }
  return Buffer.from(image.buffer);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import dcmjs, { type DcmjsDataset } from 'dcmjs';
import { encodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { writePhantom } from '../../models/phantom/phantom.js';

/** What one association brings, or several: one for each image. */
export interface Sending {
  readonly files: readonly Buffer[];
  readonly callingAe: string;
  readonly isOneByOne?: boolean;
  /** A corrected copy comes after what it corrects; the rest in any order. */
  readonly isLast?: boolean;
}

/** A study as sites have them, with what a radiologist would want read of it. */
export interface SiteStudy {
  readonly name: string;
  readonly sendings: readonly Sending[];
  readonly expected: {
    /** SeriesDescription of the MR series that is read. */
    readonly read: string;
    /** Of the CT that is measured; null for none. */
    readonly ct: string | null;
    readonly accession: string;
    /** The SOP Instance UIDs, by their ends, that the discs may be read from; absent: any of the series. */
    readonly images?: RegExp;
  };
}

/** Stand for the run and the study in every UID and patient ID; the same length, so that bytes can be replaced. */
const UID_RUN = '2.25.900000';
const PATIENT_RUN = 'R000';

/** The same study for another run: other UIDs, another patient, not a pixel changed. */
export function forRun(file: Buffer, run: number): Buffer {
  const number = String(run).padStart(3, '0');
  const copy = Buffer.from(file);
  // Headers end long before this; what follows is pixels.
  for (const [from, to] of [
    [UID_RUN, `2.25.900${number}`],
    [PATIENT_RUN, `R${number}`],
  ] as const)
    for (let at = copy.indexOf(from); at >= 0 && at < 6_000; at = copy.indexOf(from, at + 1))
      copy.write(to, at, 'latin1');
  return copy;
}

export const patientOfRun = (study: string, run: number) => `R${String(run).padStart(3, '0')}-${study}`;

interface Image {
  readonly dataset: DcmjsDataset;
  readonly pixels: Uint16Array;
}

type Edit = (dataset: DcmjsDataset, index: number, pixels: Uint16Array) => void;

/** Draws one patient (minutes saved: every study shows the same spine) and cuts the studies out of it. */
export async function drawSiteStudies(dir: string, only?: readonly string[]): Promise<SiteStudy[]> {
  await writePhantom({
    outDir: dir,
    seed: 11,
    calcified: ['L4-L5'],
    mrDate: '20261102',
    ctDate: '20261110',
    ct: { sliceMm: 2 },
  });
  const mr = await imagesIn(join(dir, 'mr'));
  const ct = await imagesIn(join(dir, 'ct'));
  const wanted = Object.entries(STUDIES).filter(([name]) => only?.includes(name) ?? true);
  return wanted.map(([name, make]) => ({ name, ...make(new Room(name, mr, ct)) }));
}

async function imagesIn(folder: string): Promise<Image[]> {
  const images: Image[] = [];
  for (const path of dicomFilesIn(folder).sort()) {
    const bytes = await readFile(path);
    const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const dict = dcmjs.data.DicomMessage.readFile(copy);
    const dataset = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dict.dict);
    const [pixels] = dataset.PixelData as [ArrayBuffer];
    images.push({ dataset, pixels: new Uint16Array(pixels) });
  }
  return images;
}

/** One study being put together. */
class Room {
  private uids = 0;

  constructor(
    private readonly name: string,
    private readonly mr: readonly Image[],
    private readonly ct: readonly Image[],
  ) {}

  mrSeries(number: number, description: string, edit: Edit = () => undefined, images = this.mr): Buffer[] {
    return this.series(images, 'MR', number, description, edit);
  }

  ctSeries(number: number, description: string, edit: Edit = () => undefined, images = this.ct): Buffer[] {
    return this.series(images, 'CT', number, description, edit);
  }

  /** A series' images; `of` the same series again when it is given its UID. */
  private series(
    images: readonly Image[],
    modality: 'MR' | 'CT',
    number: number,
    description: string,
    edit: Edit,
  ): Buffer[] {
    const study = this.uid(modality === 'MR' ? 1 : 2);
    const series = this.uid(modality === 'MR' ? 1 : 2, number);
    return images.map(({ dataset, pixels }, index) => {
      const own = pixels.slice();
      const changed: DcmjsDataset = {
        ...dataset,
        StudyInstanceUID: study,
        SeriesInstanceUID: series,
        SOPInstanceUID: this.uid(modality === 'MR' ? 1 : 2, number, ++this.uids),
        FrameOfReferenceUID: this.uid(modality === 'MR' ? 1 : 2, 900),
        PatientID: `${PATIENT_RUN}-${this.name}`,
        PatientName: `FIELD^${this.name.toUpperCase()}`,
        AccessionNumber: `${modality}-ACC`,
        SeriesNumber: String(number),
        SeriesDescription: description,
        ProtocolName: description,
      };
      edit(changed, index, own);
      return part10(changed, own);
    });
  }

  private uid(...parts: readonly number[]): string {
    const study = Object.keys(STUDIES).indexOf(this.name) + 10;
    return [UID_RUN, study, ...parts].join('.');
  }
}

function part10(dataset: DcmjsDataset, pixels: Uint16Array): Buffer {
  const { DicomDict, DicomMetaDictionary } = dcmjs.data;
  const dict = new DicomDict({ '00020010': { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] } });
  const { _meta, ...elements } = dataset;
  dict.dict = DicomMetaDictionary.denaturalizeDataset({
    ...elements,
    PixelData: [pixels.buffer],
    _vrMap: { PixelData: 'OW' },
  });
  const file = Buffer.from(dict.write({ fragmentMultiframe: false }));
  // Preamble, prefix, then (0002,0000) UL with the length of the rest of the group: our own meta in its place.
  const meta = encodeFileMeta({
    sopClassUid: String(dataset.SOPClassUID),
    sopInstanceUid: String(dataset.SOPInstanceUID),
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    sourceAe: 'FIELD',
  });
  return Buffer.concat([meta, file.subarray(128 + 4 + 12 + file.readUInt32LE(128 + 4 + 8))]);
}

const MR1 = { callingAe: 'MR1' };
const CT1 = { callingAe: 'CT1' };
const T2 = 'T2 TSE SAG';
const read = (description: string, ct: string | null = null, accession = 'MR-ACC') => ({
  read: description,
  ct,
  accession,
});

/** Ghosts to both sides along the phase axis, head to foot, as swallowing and breathing make them. */
const moved: Edit = (dataset, _, pixels) => {
  const [rows, columns] = [Number(dataset.Rows), Number(dataset.Columns)];
  const still = pixels.slice();
  const at = (row: number, col: number) => still[((row + rows) % rows) * columns + col]!;
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < columns; col++)
      pixels[row * columns + col] = (at(row, col) + 0.55 * (at(row - 28, col) + at(row + 28, col))) / 2.1;
};

/** Fat bright and water dark: half of the grey turned over. */
const fatPicture: Edit = (_, __, pixels) => {
  for (const [i, value] of pixels.entries())
    if (value > 60) pixels[i] = Math.min(900, Math.max(30, 900 - value));
};

/** Edges and noise enhanced, as a bone kernel does. */
const sharp: Edit = (dataset, _, pixels) => {
  const columns = Number(dataset.Columns);
  const soft = pixels.slice();
  for (let i = columns; i < soft.length - columns; i++) {
    const around = (soft[i - 1]! + soft[i + 1]! + soft[i - columns]! + soft[i + columns]!) / 4;
    pixels[i] = Math.max(0, Math.min(4095, soft[i]! + 2.4 * (soft[i]! - around)));
  }
  Object.assign(dataset, { ConvolutionKernel: 'Br64' });
};

const t1: Edit = (dataset) => void Object.assign(dataset, { EchoTime: '11', RepetitionTime: '560' });
const stir: Edit = (dataset) =>
  void Object.assign(dataset, { EchoTime: '60', InversionTime: '160', ScanningSequence: ['SE', 'IR'] });
const axial: Edit = (dataset, index) =>
  void Object.assign(dataset, {
    ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'],
    ImagePositionPatient: ['-100', '-100', (4.4 * index).toFixed(1)],
  });
const soft: Edit = (dataset) => void Object.assign(dataset, { ConvolutionKernel: 'Br40' });

/** Thirteen kinds of studies; each is given a room of its own to be put together in. */
const STUDIES: Readonly<Record<string, (room: Room) => Omit<SiteStudy, 'name'>>> = {
  repeat: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(3, T2, moved) },
      { ...MR1, files: room.mrSeries(4, `${T2} REPEAT`) },
      {
        ...MR1,
        files: room.mrSeries(5, `${T2} FS`, (each) => void Object.assign(each, { ScanOptions: 'FS' })),
      },
    ],
    expected: read(`${T2} REPEAT`),
  }),
  contrasts: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(2, 'T1 TSE SAG', t1) },
      { ...MR1, files: room.mrSeries(3, T2) },
      { ...MR1, files: room.mrSeries(4, 'STIR SAG', stir) },
      { ...MR1, files: room.mrSeries(5, 'T2 TSE AX', axial) },
    ],
    expected: read(T2),
  }),
  dixon: (room) => {
    const kinds = ['FAT', 'WATER'].flatMap((kind) =>
      room.mrSeries(3, 'T2 TSE DIXON SAG', (each, index, pixels) => {
        Object.assign(each, { ImageType: ['DERIVED', 'PRIMARY', 'DIXON', kind] });
        if (kind === 'FAT') fatPicture(each, index, pixels);
      }),
    );
    return {
      sendings: [{ ...MR1, files: kinds }],
      // The fat pictures were numbered first.
      expected: { ...read('T2 TSE DIXON SAG'), images: /\.(1[6-9]|2\d|30)$/ },
    };
  },
  echoes: (room) => {
    const echoes = [15, 102].flatMap((echo, i) =>
      room.mrSeries(3, 'SAG DE PD/T2', (each) => {
        Object.assign(each, { EchoTime: String(echo), EchoNumbers: String(i + 1) });
      }),
    );
    return {
      sendings: [{ ...MR1, files: echoes }],
      expected: { ...read('SAG DE PD/T2'), images: /\.(1[6-9]|2\d|30)$/ },
    };
  },
  whole: (room) => {
    const part = (number: number, name: string, body: string, factor: number) =>
      room.mrSeries(number, name, (each) => {
        const spacing = (each.PixelSpacing as readonly string[]).map((mm) => String(Number(mm) * factor));
        Object.assign(each, { BodyPartExamined: body, PixelSpacing: spacing });
        Object.assign(each, { StudyDescription: 'MRI CERVICAL THORACIC AND LUMBAR SPINE' });
      });
    return {
      sendings: [
        { ...MR1, files: part(3, 'SAG T2 C-SPINE', 'CSPINE', 0.6) },
        { ...MR1, files: part(7, 'SAG T2 T-SPINE', 'TSPINE', 0.8) },
        { ...MR1, files: part(11, 'SAG T2 L-SPINE', 'LSPINE', 1) },
      ],
      expected: read('SAG T2 L-SPINE'),
    };
  },
  kernels: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(3, T2) },
      { ...CT1, files: room.ctSeries(2, 'LSPINE 2.0 Br40', soft) },
      { ...CT1, files: room.ctSeries(3, 'LSPINE 2.0 Br64', sharp) },
    ],
    expected: read(T2, 'LSPINE 2.0 Br40'),
  }),
  scout: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(3, T2) },
      {
        ...CT1,
        files: room.ctSeries(2, 'LSPINE 2.0 Br40', (each, index) => {
          if (index < 2) Object.assign(each, { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] });
        }),
      },
    ],
    expected: read(T2, 'LSPINE 2.0 Br40'),
  }),
  density: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(3, T2) },
      { ...CT1, files: room.ctSeries(2, 'LSPINE 2.0 Br40', soft) },
      {
        ...CT1,
        files: room.ctSeries(9, 'LSPINE DENSITY', (each) => {
          Object.assign(each, { RescaleType: 'MGML', ImageType: ['DERIVED', 'SECONDARY', 'DENSITY'] });
        }),
      },
    ],
    expected: read(T2, 'LSPINE 2.0 Br40'),
  }),
  agent: (room) => ({
    sendings: [
      { ...MR1, files: room.mrSeries(3, T2) },
      { ...CT1, files: room.ctSeries(2, 'LSPINE 2.0 Br40', soft) },
      {
        ...CT1,
        files: room.ctSeries(4, 'LSPINE 2.0 Br40 KM', (each, index, pixels) => {
          soft(each, index, pixels);
          Object.assign(each, { ContrastBolusAgent: 'IOPAMIDOL', ContrastBolusRoute: 'IV' });
        }),
      },
    ],
    expected: read(T2, 'LSPINE 2.0 Br40'),
  }),
  trickle: (room) => ({
    sendings: [{ ...MR1, files: room.mrSeries(3, T2), isOneByOne: true }],
    expected: read(T2),
  }),
  corrected: (room) => {
    const files = room.mrSeries(3, T2);
    return {
      sendings: [
        { ...MR1, files },
        { callingAe: 'PACS', isLast: true, files: files.map((file) => renamed(file, 'MR-ACC', 'MR-NEW')) },
      ],
      expected: read(T2, null, 'MR-NEW'),
    };
  },
  merged: (room) => {
    const files = room.mrSeries(3, T2);
    return {
      sendings: [
        { ...MR1, files: files.map((file) => renamed(file, '-merged', '-wrong1')) },
        { callingAe: 'PACS', isLast: true, files },
      ],
      expected: read(T2),
    };
  },
  split: (room) => {
    const files = room.mrSeries(3, T2);
    return {
      sendings: [0, 1].map((half) => ({ ...MR1, files: files.filter((_, i) => i % 2 === half) })),
      expected: read(T2),
    };
  },
};

/** The same length, so that nothing else moves. */
function renamed(file: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(file);
  for (let at = copy.indexOf(from); at >= 0 && at < 6_000; at = copy.indexOf(from, at + 1))
    copy.write(to, at, 'latin1');
  return copy;
}

export const STUDY_NAMES = Object.keys(STUDIES);

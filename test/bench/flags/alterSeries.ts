import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isLevel, type Level } from '../../../agent/domain/levels.js';
import { projectRoot } from '../../../config/root.js';
import { writePart10 } from '../../dicom/writePart10.js';
import { runTool } from '../../support/dcmtk.js';

/** What is painted of a disc on one slice (models/training, sets/alter_stack.py). */
export interface Painted {
  /** Signal lost to the calcification, as an area of marrow gone void. */
  readonly lossMm2: number;
  readonly areaMm2: number;
  readonly contrastToNoise: number;
}

export interface AlteredSeries {
  readonly files: readonly string[];
  /** By SOP Instance UID. */
  readonly painted: ReadonlyMap<string, ReadonlyMap<Level, Painted>>;
}

interface StackJson {
  readonly patientId: string;
  readonly slices: readonly {
    readonly sopInstanceUid: string;
    readonly rows: number;
    readonly columns: number;
    readonly spacingMm: readonly [number, number];
    readonly positionMm: number;
  }[];
  readonly painted: Readonly<Record<string, Readonly<Record<string, Painted>>>>;
}

/** `from` holds what writeSlices wrote; the altered series is written to `to` as DICOM files. */
export async function alterSeries(
  from: string,
  to: string,
  how: readonly string[],
  seriesInstanceUid: string,
): Promise<AlteredSeries> {
  const { exitCode, output } = await runTool(
    process.env.CALCIDISC_PYTHON ?? '/usr/bin/python3',
    ['-m', 'calcidisc_training.sets.alter_stack', from, to, ...how],
    { PYTHONPATH: join(projectRoot, 'models/training'), PYTHONDONTWRITEBYTECODE: '1', OMP_NUM_THREADS: '1' },
  );
  if (exitCode !== 0) throw new Error(`alter_stack failed: ${output.slice(-2000)}`);
  const stack: StackJson = JSON.parse(await readFile(join(to, 'stack.json'), 'utf8'));
  const pixels = await readFile(join(to, 'pixels.f32'));
  const files: string[] = [];
  let at = 0;
  for (const [i, slice] of stack.slices.entries()) {
    const count = slice.rows * slice.columns;
    const values = new Float32Array(pixels.buffer, pixels.byteOffset + at * 4, count);
    at += count;
    const path = join(to, `${String(i).padStart(4, '0')}.dcm`);
    await writeFile(path, imageOf(stack.patientId, slice, values, i, seriesInstanceUid));
    files.push(path);
  }
  const painted = stack.slices.map(
    ({ sopInstanceUid }, i) => [sopInstanceUid, levelsOf(stack.painted[String(i)])] as const,
  );
  return { files, painted: new Map(painted) };
}

function levelsOf(painted: Readonly<Record<string, Painted>> | undefined): ReadonlyMap<Level, Painted> {
  return new Map(
    Object.entries(painted ?? {}).flatMap(([level, what]) =>
      isLevel(level) ? [[level, what] as const] : [],
    ),
  );
}

/** The sagittal convention: rows from above down, columns to posterior, slices to the patient's left. */
function imageOf(
  patientId: string,
  { sopInstanceUid, rows, columns, spacingMm, positionMm }: StackJson['slices'][number],
  values: Float32Array,
  index: number,
  seriesInstanceUid: string,
): Uint8Array {
  const stored = Uint16Array.from(values, (value) => Math.min(65_535, Math.max(0, Math.round(value))));
  const origin = [positionMm, (-columns * spacingMm[1]) / 2, (rows * spacingMm[0]) / 2];
  const elements = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
    SOPInstanceUID: sopInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    Modality: 'MR',
    PatientID: patientId,
    InstanceNumber: String(index + 1),
    ImageOrientationPatient: '0\\1\\0\\0\\0\\-1',
    ImagePositionPatient: origin.map((mm) => mm.toFixed(4)).join('\\'),
    PixelSpacing: spacingMm.join('\\'),
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [rows],
    Columns: [columns],
    BitsAllocated: [16],
    BitsStored: [16],
    HighBit: [15],
    PixelRepresentation: [0],
  };
  return writePart10(elements, { pixelData: new Uint8Array(stored.buffer) });
}

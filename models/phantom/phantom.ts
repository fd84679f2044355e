import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Anatomy } from './anatomy.js';
import { buildAtlas } from './atlas.js';
import { ctStack } from './ct.js';
import { planeAttributes, seriesFolder, TRUTH_FILE, writeImage } from './dicom.js';
import { drawHabitus } from './habitus.js';
import {
  CT_IMAGE_STORAGE,
  ctAttributes,
  identify,
  MR_IMAGE_STORAGE,
  mrAttributes,
  patientIdOf,
  type Rescale,
  rescaleAttributes,
  rescaleOf,
} from './headers.js';
import { drawLesions, type Lesion } from './lesions.js';
import { mrStack } from './mr.js';
import { type PhantomOptions, type PhantomProgress, PhantomSchema, type PhantomSettings } from './options.js';
import { randomFrom, Texture } from './random.js';
import { drawSpine, type Spine } from './spine.js';
import {
  byLevel,
  type CtDiscTruth,
  type CtTruth,
  centreOf,
  type DiscOnSlice,
  discOnSlice,
  discUnits,
  type MrTruth,
  measureDisc,
  type PhantomTruth,
  round,
} from './truth.js';

export type { PhantomOptions, PhantomProgress } from './options.js';
export type { PhantomTruth } from './truth.js';

interface Invention {
  readonly settings: PhantomSettings;
  readonly spine: Spine;
  readonly anatomy: Anatomy;
  readonly lesions: ReadonlyMap<string, Lesion>;
  readonly outDir: string;
  readonly onProgress: (progress: PhantomProgress) => void;
}

/**
 * Writes a paired lumbar MR and CT of one invented patient: OUT/mr/*.dcm (sagittal T2), OUT/ct/*.dcm (axial) and
 * OUT/truth.json. The same options give the same bytes and the same UIDs.
 * @throws ZodError for options that are out of range; CalcidiscError FOLDER_IN_USE
 */
export async function writePhantom({ outDir, onProgress, ...input }: PhantomOptions): Promise<PhantomTruth> {
  const settings = PhantomSchema.parse(input);
  const spine = drawSpine(settings);
  const lesions = drawLesions(settings);
  const texture = new Texture(randomFrom('texture', settings.seed));
  const anatomy = new Anatomy(
    spine,
    buildAtlas(spine),
    drawHabitus(settings),
    lesions,
    settings.ct.gas,
    texture,
  );
  const invention = { settings, spine, anatomy, lesions, outDir, onProgress: onProgress ?? (() => {}) };
  const truth: PhantomTruth = {
    patientId: patientIdOf(settings),
    seed: settings.seed,
    settings,
    mr: await writeMr(invention),
    ct: await writeCt(invention),
  };
  await writeFile(join(outDir, TRUTH_FILE), `${JSON.stringify(truth, null, 1)}\n`);
  return truth;
}

async function writeMr({
  settings,
  spine,
  anatomy,
  lesions,
  outDir,
  onProgress,
}: Invention): Promise<MrTruth> {
  const folder = await seriesFolder(outDir, 'mr');
  const identity = identify(settings, 'MR');
  const stack = mrStack(anatomy, spine, settings);
  const shared = mrAttributes(settings, identity);
  const units = discUnits(spine);
  const slices: MrTruth['slices'][number][] = [];
  const total = settings.mr.slices;
  for (let index = 0; index < total; index++) {
    const { pixels, positionMm, discs } = stack.slice(index);
    const sopInstanceUid = identity.sopInstanceUid(index);
    const plane = planeAttributes({
      ...stack,
      positionMm,
      sliceThicknessMm: stack.thicknessMm,
      pixelRepresentation: 0,
      bitsStored: 12,
    });
    const image = { sopClassUid: MR_IMAGE_STORAGE, sopInstanceUid };
    await writeImage(folder, index + 1, image, { ...shared, ...plane }, pixels);
    const shown: Record<string, DiscOnSlice> = {};
    for (const [level, unit] of units) {
      const footprint = discs.get(unit);
      if (footprint) shown[level] = discOnSlice(footprint, positionMm, stack.orientation, stack.spacingMm);
    }
    slices.push({ sopInstanceUid, discs: shown });
    onProgress({ modality: 'MR', written: index + 1, total });
  }
  const discs = byLevel((level) => ({
    centrePatientMm: centreOf(anatomy, units.get(level)!, stack.pose),
    calcified: settings.calcified.includes(level),
    herniated: lesions.has(level),
    degenerate: spine.units[units.get(level)!]!.osteophyteMm > 0,
  }));
  return { ...seriesTruth('MR', settings, identity), midSlice: middleSlice(slices, discs), discs, slices };
}

/** The slice with the most of the five discs' middles nearest to it. */
function middleSlice(slices: MrTruth['slices'], discs: MrTruth['discs']): MrTruth['midSlice'] {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  slices.forEach((slice, index) => {
    const offsets = Object.entries(discs).map(([level, disc]) => {
      const shown = slice.discs[level as keyof typeof discs];
      return shown ? Math.abs(shown.centrePatientMm[0] - disc.centrePatientMm[0]) : 50;
    });
    const sum = offsets.reduce((a, b) => a + b, 0);
    if (sum < least) [least, best] = [sum, index];
  });
  return { index: best, sopInstanceUid: slices[best]!.sopInstanceUid };
}

async function writeCt({ settings, spine, anatomy, outDir, onProgress }: Invention): Promise<CtTruth> {
  const folder = await seriesFolder(outDir, 'ct');
  const identity = identify(settings, 'CT');
  const stack = ctStack(anatomy, spine, settings);
  const shared = ctAttributes(settings, identity);
  const discs = byLevel((level): CtDiscTruth => {
    const unit = discUnits(spine).get(level)!;
    const centrePatientMm = centreOf(anatomy, unit, stack.pose);
    return { centrePatientMm, ...measureDisc(anatomy, unit), voxel: null };
  });
  for (let index = 0; index < stack.slices; index++) {
    const { hu, positionMm } = stack.slice(index);
    const sopInstanceUid = identity.sopInstanceUid(index);
    const plane = planeAttributes({
      ...stack,
      positionMm,
      sliceThicknessMm: settings.ct.sliceMm,
      pixelRepresentation: settings.ct.signed ? 1 : 0,
      bitsStored: settings.ct.bitsStored,
    });
    const rescale = rescaleOf(settings, index);
    const stored = toStored(hu, rescale, settings.ct);
    const image = { sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid };
    const attributes = { ...shared, ...plane, ...rescaleAttributes(settings, rescale) };
    await writeImage(folder, index + 1, image, attributes, stored);
    for (const disc of Object.values(discs)) {
      const [col, row, at] = stack.indexOf(disc.centrePatientMm).map(Math.round) as [number, number, number];
      if (at === index)
        Object.assign(disc, {
          voxel: { sopInstanceUid, pixel: [col, row], hu: round(hu[row * stack.columns + col]!) },
        });
    }
    onProgress({ modality: 'CT', written: index + 1, total: stack.slices });
  }
  return { ...seriesTruth('CT', settings, identity), discs };
}

/** PS3.3 C.11.1.1.2: HU = stored * slope + intercept. What the stored range cannot hold is clamped. */
function toStored(
  hu: Float32Array,
  { slope, intercept }: Rescale,
  { signed, bitsStored }: PhantomSettings['ct'],
): Uint16Array | Int16Array {
  const stored = signed ? new Int16Array(hu.length) : new Uint16Array(hu.length);
  const values = 2 ** bitsStored;
  const [least, most] = signed ? [-values / 2, values / 2 - 1] : [0, values - 1];
  for (let i = 0; i < hu.length; i++)
    stored[i] = Math.min(most, Math.max(least, Math.round((hu[i]! - intercept) / slope)));
  return stored;
}

function seriesTruth<M extends 'MR' | 'CT'>(
  modality: M,
  settings: PhantomSettings,
  { studyInstanceUid, seriesInstanceUid }: ReturnType<typeof identify>,
) {
  const date = modality === 'MR' ? settings.mrDate : settings.ctDate;
  return { modality, studyInstanceUid, seriesInstanceUid, date };
}

import { z } from 'zod';
import { LEVELS } from '../../agent/domain/levels.js';

const DicomDate = z.string().regex(/^\d{8}$/, 'a date is YYYYMMDD');
const Levels = z.array(z.enum(LEVELS));

/** What the caller may choose; everything else is drawn from the seed. Lengths in mm, angles in degrees. */
export const PhantomSchema = z.strictObject({
  seed: z.number().int().nonnegative(),
  calcified: Levels.default([]),
  /** Narrow, dark discs with osteophytes; else drawn from the seed. */
  degenerate: Levels.optional(),
  /** Levels with a soft herniation beside the calcified ones; else drawn from the seed. */
  herniated: Levels.optional(),
  patientId: z.string().min(1).max(64).optional(),
  mrDate: DicomDate.default('20240110'),
  ctDate: DicomDate.default('20240120'),
  /** 1 is a usual lordosis, 0.5 a flat back, 1.4 a hollow one. */
  curvature: z.number().min(0.3).max(1.6).optional(),
  /** Height of the sideways bow. */
  scoliosisMm: z.number().min(-40).max(40).default(0),
  /** How far the patient lies askew, about two axes. */
  tiltDeg: z.number().min(-20).max(20).default(0),
  /** Multiplies the noise of both. */
  noise: z.number().min(0).max(6).default(1),
  /** 1 is an adult of middle size. */
  size: z.number().min(0.7).max(1.3).optional(),
  mr: z
    .strictObject({
      slices: z.number().int().min(3).max(60).default(15),
      /** From centre to centre; the slice itself is a tenth thinner. */
      gapMm: z.number().min(0.8).max(12).default(4.4),
      matrix: z.number().int().min(128).max(1024).default(448),
      fieldOfViewMm: z.number().min(150).max(500).default(300),
      /** Rotation of the slices about the patient's long axis: an oblique sagittal stack. */
      obliqueDeg: z.number().min(-30).max(30).default(0),
    })
    .prefault({}),
  ct: z
    .strictObject({
      spacingMm: z.number().min(0.4).max(3).default(1),
      sliceMm: z.number().min(0.5).max(6).default(1.5),
      fieldOfViewMm: z.number().min(120).max(500).default(230),
      /** PixelData = (HU - intercept) / slope. */
      slope: z.number().positive().default(1),
      intercept: z.number().default(-1024),
      signed: z.boolean().default(false),
      bitsStored: z.union([z.literal(12), z.literal(16)]).default(16),
      /** Every slice has its own slope and intercept, as some scanners write them. */
      rescaleVaries: z.boolean().default(false),
      /** A defective series where it is not HU, to see it refused. */
      rescaleType: z.enum(['HU', 'US', 'OD']).default('HU'),
      /** Slices leant backwards by this, the table moving straight on. */
      gantryTiltDeg: z.number().min(-25).max(25).default(0),
      /** A defective series, to see it refused: no rescale slope and intercept. */
      omitRescale: z.boolean().default(false),
      /** Discs with a vacuum cleft: gas, -900 HU. */
      gas: Levels.default([]),
      /*
       * The rest has no default: settings without it have the same UIDs as before it was there.
       */
      /** Multiplies the noise of the CT alone. */
      noise: z.number().min(0).max(12).optional(),
      /** ConvolutionKernel; '' leaves it out. */
      kernel: z.string().max(64).optional(),
      /** How much a sharp kernel adds of what a mean over five by five pixels takes away: 1.2 is a bone kernel's. */
      sharpen: z.number().min(0).max(4).optional(),
      /** Contrast agent in the vessels, or in the dural sac as for a myelography. */
      contrast: z.enum(['intravenous', 'intrathecal']).optional(),
    })
    .prefault({}),
});

export type PhantomSettings = z.output<typeof PhantomSchema>;

export type PhantomOptions = z.input<typeof PhantomSchema> & {
  /** Gets mr/, ct/ and truth.json. */
  readonly outDir: string;
  /** Called after each written slice. */
  readonly onProgress?: (progress: PhantomProgress) => void;
};

export interface PhantomProgress {
  readonly modality: 'MR' | 'CT';
  readonly written: number;
  readonly total: number;
}

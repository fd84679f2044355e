import { z } from 'zod';
import type { Level } from '../../agent/domain/levels.js';
import type { Delivered } from './collect.js';
import type { SeriesFolder } from './folders.js';

const Point = z.tuple([z.number(), z.number(), z.number()]);
const MrTruth = z.object({
  slices: z.array(
    z.object({
      sopInstanceUid: z.string(),
      discs: z.record(z.string(), z.object({ centrePatientMm: Point })),
    }),
  ),
});

/** Two neighbouring lumbar discs are 25 mm apart or more: nearer than half of that it is the same disc. */
const SAME_DISC_MM = 12;

export interface AgainstTruth {
  readonly isRight: boolean;
  readonly lines: readonly string[];
}

/** Compares the discs with truth.json on the slice they were drawn on, where there is one. */
export function againstTruth({ mr, discs }: Delivered, folders: readonly SeriesFolder[]): AgainstTruth {
  const folder = folders.find(({ seriesInstanceUid }) => seriesInstanceUid === mr.seriesInstanceUid);
  const truth = MrTruth.safeParse(folder?.truth);
  const slice = truth.data?.slices.find(({ sopInstanceUid }) => sopInstanceUid === mr.sliceSopInstanceUid);
  if (!slice) return { isRight: true, lines: ['no truth.json to compare with'] };
  const errors = discs.flatMap((disc) => {
    const centre = slice.discs[disc.level as Level]?.centrePatientMm;
    return centre ? [{ level: disc.level, mm: distance(disc.centrePatientMm, centre) }] : [];
  });
  const wrong = errors.filter(({ mm }) => mm > SAME_DISC_MM);
  const sorted = errors.map(({ mm }) => mm).toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const line = `centre error against the mask: median ${median?.toFixed(1)} mm, worst ${sorted.at(-1)?.toFixed(1)} mm over ${errors.length} discs`;
  return {
    isRight: wrong.length === 0 && errors.length > 0,
    lines: [
      line,
      ...wrong.map(({ level, mm }) => `WRONG LEVEL: ${level} lies ${mm.toFixed(0)} mm from the truth`),
    ],
  };
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!));
}

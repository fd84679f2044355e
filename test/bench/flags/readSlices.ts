import { dot } from '../../../agent/dicom/geometry.js';
import type { Level } from '../../../agent/domain/levels.js';
import type { LocateStatus } from '../../../agent/domain/locateStatuses.js';
import { candidatesOf } from '../../../agent/locate/candidates.js';
import { nameDiscs } from '../../../agent/locate/chain.js';
import { LEVEL_OF_RANK, lumbarDiscs, verdictOf } from '../../../agent/locate/doubts.js';
import { TISSUE } from '../../../agent/locate/logits.js';
import { canalEvidence, canalMiddleMm } from '../../../agent/locate/midsagittal.js';
import type { Marked, Network } from '../../../agent/locate/network.js';
import { type SagittalImage, sagittalOf } from '../../../agent/locate/sagittal.js';
import { sagittalStack } from '../../../agent/locate/sagittalStack.js';
import { readSeries, type SourceImage } from '../../../agent/locate/series.js';
import { tracksOf } from '../../../agent/locate/tracks.js';
import type { PixelBox } from '../../../agent/locate/types.js';

/** A disc of one slice as the deployed localiser sees it; pixel units are the sagittal picture's. */
export interface SliceDisc {
  readonly level: Level;
  readonly extent: PixelBox;
  readonly canalBehind: number;
}

export interface ReadSlice {
  readonly source: SourceImage;
  readonly image: SagittalImage;
  readonly positionMm: number;
  readonly discs: readonly SliceDisc[];
  /** SPIDER's mask values on the picture's grid: 29 disc, 76 vertebra, 150 canal, 0 none; from the network. */
  readonly labels: Uint8Array;
}

export interface ReadStack {
  readonly patientId: string;
  readonly status: LocateStatus;
  readonly reasons: readonly string[];
  /** Millimetres from slice to slice; 0 for a single one. */
  readonly gapMm: number;
  /** Where across the slices the canal has its middle. */
  readonly middleMm: number;
  readonly slices: readonly ReadSlice[];
}

const MASK_VALUE = { [TISSUE.vertebra]: 76, [TISSUE.canal]: 150, [TISSUE.disc]: 29 } as const;

/** Every slice of a series with its discs; the agent itself looks at some slices and keeps one region a disc. */
export async function readSlices(files: readonly string[], network: Network): Promise<ReadStack> {
  const series = await readSeries(files);
  const stack = sagittalStack(series);
  const patientId = series.header.patientId ?? '';
  const none = { patientId, gapMm: 0, middleMm: 0, slices: [] };
  if (typeof stack === 'string') return { ...none, status: 'not-found', reasons: [stack] };
  const images = stack.slices.map(sagittalOf);
  const marked = await network.mark(
    images.map((image) => ({ ...image, spacingMm: image.plane.spacingMm })),
    'MR',
  );
  const candidates = images.map((image, i) => candidatesOf(marked[i]!, image, i));
  const canal = candidates.map(canalEvidence);
  const top = Math.max(1, ...canal);
  const { along, down } = images[0]!.plane;
  const named = nameDiscs(
    tracksOf(
      candidates,
      stack.positionsMm.map((positionMm, i) => ({ positionMm, weight: canal[i]! / top })),
      ({ centreMm }) => [dot(centreMm, along), dot(centreMm, down)],
    ),
  );
  const lumbar = lumbarDiscs(named);
  const slices = stack.slices.map((source, i): ReadSlice => {
    const discs = lumbar.flatMap(({ track, rank }) => {
      const own = track.members.find(({ slice }) => slice === i);
      return own ? [{ level: LEVEL_OF_RANK[rank]!, extent: own.extent, canalBehind: own.canalBehind }] : [];
    });
    const image = images[i]!;
    return {
      source,
      image,
      positionMm: stack.positionsMm[i]!,
      discs,
      labels: labelsOf(marked[i]!, image),
    };
  });
  return {
    ...none,
    ...verdictOf(named),
    gapMm: stack.spacingMm ?? 0,
    middleMm: canalMiddleMm(stack.positionsMm, canal),
    slices,
  };
}

function labelsOf(marked: Marked, { rows, columns }: SagittalImage): Uint8Array {
  const labels = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = Math.min(marked.rows - 1, Math.max(0, Math.round((row + 0.5) / marked.rowScale - 0.5)));
    for (let col = 0; col < columns; col++) {
      const at = Math.min(marked.columns - 1, Math.max(0, Math.round((col + 0.5) / marked.colScale - 0.5)));
      const tissue = marked.tissue[from * marked.columns + at]! as keyof typeof MASK_VALUE | 0;
      labels[row * columns + col] = tissue === 0 ? 0 : MASK_VALUE[tissue];
    }
  }
  return labels;
}

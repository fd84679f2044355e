import { type Axes, axesOf } from '../../agent/locate/candidates.js';
import { bilinear } from '../../agent/locate/resample.js';
import { randomFrom } from '../../models/phantom/random.js';
import { bent, outOf, within } from './bentSlices.js';
import type { Slice } from './locateVariants.js';
import { discPixels } from './residualDisc.js';

/** Ranges as calcidisc_training/unusual_spine.py has them, from which networks may know such spines. */
const SLIP_MM = [6, 14] as const;
const SLIP_OVER_MM = 3;
const STEEP_DEGREES = [15, 30] as const;
const STEEP_OVER_MM = 60;
const PLATE_MM = 3;
const FUSED = ['L4-L5', 'L3-L4', 'L2-L3'];
/** How a rudimentary L5-S1 is: so much flatter, bone in front of so much of its length. */
const RUDIMENT = { squeeze: 1.2, boneFront: 0.35 } as const;
const SQUEEZE_MM = [5, 25] as const;

/** A disc's own axes on the middle slice that shows it, pixels: what all slices are bent by. */
interface Frame extends Axes {
  readonly half: number;
  readonly halfHeight: number;
}

/** The spine above L5-S1 lies 6 to 14 mm in front; centres move with it. */
export function withSlip(slices: readonly Slice[]): Slice[] {
  const frame = frameOf(slices, 'L5-S1');
  if (!frame) return [];
  const { spacingMm } = slices[0]!;
  const far = randomFrom('slip', slices[0]!.sopInstanceUid).between(...SLIP_MM) / spacingMm;
  return bent(slices, frame, (t, s) => [t + far / (1 + Math.exp((2 * s * spacingMm) / SLIP_OVER_MM)), s]);
}

/** L5 and the sacrum lean 15 to 30 degrees more to the back, the more the lower. */
export function withSteepSacrum(slices: readonly Slice[]): Slice[] {
  const frame = frameOf(slices, 'L4-L5');
  if (!frame) return [];
  const { spacingMm } = slices[0]!;
  const most = (-randomFrom('steep', slices[0]!.sopInstanceUid).between(...STEEP_DEGREES) * Math.PI) / 180;
  return bent(slices, frame, (t, s) => {
    const share = Math.min(1, Math.max(0, (s * spacingMm) / STEEP_OVER_MM));
    const angle = most * share * share * (3 - 2 * share);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return [t * cos + s * sin, s * cos - t * sin];
  });
}

/** L5-S1 pressed flat and bone in front of it: the lowest disc of a sacralised L5. */
export function withRudiment(slices: readonly Slice[]): Slice[] {
  const frame = frameOf(slices, 'L5-S1');
  if (!frame) return [];
  const { spacingMm } = slices[0]!;
  const [up, beyond] = SQUEEZE_MM;
  const flat = bent(slices, frame, (t, s) => {
    const fade = Math.exp(-0.5 * (((s * spacingMm) / up) ** 2 + ((t * spacingMm) / beyond) ** 2));
    return [t, s * (1 + RUDIMENT.squeeze * fade)];
  });
  const front = -frame.half + 2 * RUDIMENT.boneFront * frame.half;
  return bony(flat, { ...frame, halfHeight: frame.halfHeight / 2 }, (t) => t < front);
}

/** One of three discs filled with the bone of its neighbours: a fused segment. */
export function withFusedSegment(slices: readonly Slice[]): Slice[] {
  const random = randomFrom('fused', slices[0]!.sopInstanceUid);
  const frame = frameOf(slices, FUSED[Math.floor(random.between(0, FUSED.length))]!);
  return frame ? bony(slices, frame, () => true) : [];
}

function frameOf(slices: readonly Slice[], level: string): Frame | null {
  const middle = (slices.length - 1) / 2;
  const byMiddle = [...slices.keys()].sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  for (const i of byMiddle) {
    const { columns } = slices[i]!;
    const pixels = discPixels(slices[i]!, level);
    if (pixels.length === 0) continue;
    const { centre, along } = axesOf(pixels, columns);
    const places = Array.from(pixels, (at) =>
      within({ centre, along }, at % columns, Math.floor(at / columns)),
    );
    const half = Math.max(...places.map(([t]) => Math.abs(t)));
    const heights = places.map(([, s]) => Math.abs(s)).sort((a, b) => a - b);
    return { centre, along, half, halfHeight: heights[Math.floor(0.95 * heights.length)]! };
  }
  return null;
}

/** The disc and its plates covered with bone from beyond them, where `isBone` says so of a place along it. */
function bony(slices: readonly Slice[], frame: Frame, isBone: (t: number) => boolean): Slice[] {
  const { spacingMm } = slices[0]!;
  const height = frame.halfHeight + PLATE_MM / spacingMm;
  return slices.map((slice) => {
    const pixels = slice.pixels.slice();
    for (let i = 0; i < pixels.length; i++) {
      const [t, s] = within(frame, i % slice.columns, Math.floor(i / slice.columns));
      if (Math.abs(t) > frame.half + 2 || Math.abs(s) > height || !isBone(t)) continue;
      const beyond = s < 0 ? -2 * height - s : 2 * height - s;
      pixels[i] = bilinear(slice, ...outOf(frame, t, beyond));
    }
    return { ...slice, pixels };
  });
}

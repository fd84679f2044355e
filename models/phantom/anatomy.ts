import type { Level } from '../../agent/domain/levels.js';
import type { Atlas } from './atlas.js';
import type { Habitus } from './habitus.js';
import { CALCIFICATION_HU, type Lesion } from './lesions.js';
import { PosteriorParts } from './posterior.js';
import type { Texture } from './random.js';
import type { Spine } from './spine.js';
import { Surroundings } from './surroundings.js';
import { TISSUE } from './tissues.js';

/** Roundness of a body's outline seen from above: 2 is an ellipse, more is squarer. */
const OUTLINE_POWER = 2.5;
const CORTEX_MM = 0.7;
const END_PLATE_MM = 0.9;
const SCLEROSIS_MM = 3.5;
const WAIST = 0.08;
/** Depth of an end plate's dish in its middle. */
const CONCAVITY_MM = { below: 2.4, above: 1.5 } as const;

/** What of the phantom varies between discs, as the sampling loop needs it. */
interface DiscState {
  readonly index: number;
  readonly level: Level | null;
  readonly alongMm: number;
  readonly heightMm: number;
  readonly lesion: Lesion | null;
  readonly gas: boolean;
}

/**
 * The invented body: `at(x, y, z)` in the spine's frame (mm) sets the fields below. One object and no allocation,
 * because a series asks it ten million times.
 */
export class Anatomy {
  /** A number of TISSUE. */
  tissue = 0;
  /** Index of the disc's unit when the point belongs to a disc (its herniation and calcification included), else -1. */
  disc = -1;
  /** Multiplies the tissue's MR signal. */
  mrFactor = 1;
  /** Added to the tissue's HU. */
  huShift = 0;
  /** Position that texture is read at. */
  readonly texture: Texture;

  private readonly discs: readonly (DiscState | null)[];
  private readonly posterior: PosteriorParts;
  private readonly surroundings: Surroundings;
  private readonly coordinates = new Float64Array(4);

  constructor(
    private readonly spine: Spine,
    private readonly atlas: Atlas,
    private readonly habitus: Habitus,
    lesions: ReadonlyMap<Level, Lesion>,
    gas: readonly Level[],
    texture: Texture,
  ) {
    this.texture = texture;
    this.discs = spine.units.map((unit, index) =>
      unit.kind === 'disc'
        ? {
            index,
            level: unit.level,
            alongMm: atlas.unitAlongMm[index]!,
            heightMm: unit.heightMm,
            lesion: (unit.level && lesions.get(unit.level)) ?? null,
            gas: unit.level !== null && gas.includes(unit.level),
          }
        : null,
    );
    this.posterior = new PosteriorParts(spine, atlas, habitus, texture);
    this.surroundings = new Surroundings(spine, atlas, habitus, texture);
  }

  at(x: number, y: number, z: number): void {
    this.disc = -1;
    this.mrFactor = 1;
    this.huShift = 0;
    const place = this.coordinates;
    readAtlas(this.atlas, y, z, place);
    // Indexed, because destructuring would walk an iterator for each of ten million points.
    const unit = place[0]!;
    const forward = place[1]!;
    const along = place[2]!;
    const behind = place[3]!;
    if (this.surroundings.outside(x, y, along, behind)) {
      this.tissue = TISSUE.air;
      return;
    }
    if (behind < 4 && forward > -40 && forward < 40 && unit >= 0 && unit < this.spine.units.length) {
      if (this.inColumn(x, unit, forward, along, behind, y, z)) return;
    }
    if (behind > -4 && behind < 16 && x * x < 400 && this.inLesion(x, along, behind, y, z)) return;
    if (behind > -3) {
      const found = this.posterior.at(x, along, behind, unit, y, z);
      if (found >= 0) {
        this.tissue = found;
        this.mrFactor = this.posterior.mrFactor;
        return;
      }
    }
    this.tissue = this.surroundings.at(x, y, z, unit, forward, along, behind);
  }

  /** The middle of a disc, in the spine's frame. */
  discCentre(index: number): readonly [number, number, number] {
    const [a, b] = [this.spine.planes[index]!, this.spine.planes[index + 1]!];
    return [0, (a.y + b.y) / 2, (a.z + b.z) / 2];
  }

  /** A vertebral body or a disc? */
  private inColumn(
    x: number,
    unitAt: number,
    forward: number,
    along: number,
    behind: number,
    y: number,
    z: number,
  ): boolean {
    const index = Math.floor(unitAt);
    const fraction = unitAt - index;
    const unit = this.spine.units[index]!;
    const lower = this.spine.planes[index]!;
    const upper = this.spine.planes[index + 1]!;
    const height = Math.max(0.5, unit.heightMm + forward * unit.wedgeRad);
    let depth = lower.depthMm + (upper.depthMm - lower.depthMm) * fraction;
    let width = lower.widthMm + (upper.widthMm - lower.widthMm) * fraction;
    if (unit.kind === 'body') {
      const middle = 4 * fraction * (1 - fraction);
      if (!unit.sacral) {
        depth *= 1 - WAIST * middle;
        width *= 1 - 1.5 * WAIST * middle;
      }
      const below = height * fraction;
      const above = height - below;
      const lip = this.lip(index, below, above, forward);
      depth += lip;
      width += lip;
      const outline = radius(x, forward - lip / 2, depth, width, unit.sacral);
      if (outline >= 1) return false;
      const dish = unit.sacral ? 0.5 : 1 - outline;
      const belowGap = below - (index > 5 ? CONCAVITY_MM.below * dish : 0);
      const aboveGap = above - CONCAVITY_MM.above * dish * (unit.sacral && index < 4 ? 0 : 1);
      // Inside the dish of an end plate lies the neighbouring disc.
      if (belowGap < 0)
        return this.inDisc(this.discs[index - 1] ?? null, x, forward, 1, outline, along, behind, y, z);
      if (aboveGap < 0)
        return this.inDisc(this.discs[index + 1] ?? null, x, forward, 1, outline, along, behind, y, z);
      this.bone(index, belowGap, aboveGap, outline, depth, lip, x, y, z, forward, fraction);
      return true;
    }
    // A disc stays a little inside the rims, and bulges when it is worn.
    const bulge = unit.grade > 3.8 ? 2.2 : -0.6;
    const outline = radius(x, forward, depth + bulge, width + bulge, unit.sacral);
    if (unit.sacral) return this.inRudiment(index, outline, forward, depth, x, y, z);
    if (outline >= 1) return false;
    const offMiddle = Math.abs(fraction - 0.5) * 2;
    return this.inDisc(this.discs[index]!, x, forward, offMiddle, outline, along, behind, y, z);
  }

  /** Osteophytes: the rims next to a worn disc reach further, most of all in front. */
  private lip(index: number, below: number, above: number, forward: number): number {
    const under = below < 5 ? (this.spine.units[index - 1]?.osteophyteMm ?? 0) * (1 - below / 5) : 0;
    const over = above < 5 ? (this.spine.units[index + 1]?.osteophyteMm ?? 0) * (1 - above / 5) : 0;
    const grown = under + over;
    return forward > 0 ? grown : grown * 0.15;
  }

  private bone(
    index: number,
    belowGap: number,
    aboveGap: number,
    outline: number,
    depth: number,
    lip: number,
    x: number,
    y: number,
    z: number,
    forward: number,
    fraction: number,
  ): void {
    const unit = this.spine.units[index]!;
    const toPlate = Math.min(belowGap, aboveGap);
    const toWall = (1 - outline ** (1 / OUTLINE_POWER)) * depth * 0.5;
    const plateIsReal = !(unit.sacral && index < 4 && belowGap < aboveGap && index === 0);
    if (toPlate < END_PLATE_MM && plateIsReal) this.tissue = TISSUE.endPlate;
    else if (toWall < CORTEX_MM) this.tissue = TISSUE.cortical;
    else if (lip > 0.8 && toWall < 3) this.tissue = TISSUE.sclerosis;
    else if (toPlate < this.sclerosisMm(index, belowGap < aboveGap)) this.tissue = TISSUE.sclerosis;
    else if (!unit.sacral && inBasivertebralVein(x, forward, fraction, depth)) this.tissue = TISSUE.vein;
    else {
      this.tissue = TISSUE.marrow;
      const patch = this.texture.smoothAt(x, y, z, 3.1);
      this.mrFactor = this.habitus.marrowMr * unit.marrow * (1 + 0.07 * patch);
      this.huShift = this.habitus.marrowHu + 14 * patch;
    }
  }

  private sclerosisMm(index: number, towardsLower: boolean): number {
    const disc = this.spine.units[towardsLower ? index - 1 : index + 1];
    return disc && disc.osteophyteMm > 3 ? SCLEROSIS_MM * 0.7 : 0;
  }

  private inDisc(
    disc: DiscState | null,
    x: number,
    forward: number,
    offMiddle: number,
    outline: number,
    along: number,
    behind: number,
    y: number,
    z: number,
  ): boolean {
    if (!disc) {
      this.tissue = TISSUE.marrow;
      return true;
    }
    this.disc = disc.index;
    const unit = this.spine.units[disc.index]!;
    if (disc.lesion?.calcification && this.isCalcified(disc.lesion, disc, x, along, behind, y, z))
      return true;
    const { depthMm, widthMm } = this.spine.planes[disc.index + 1]!;
    const shifted = forward + 0.03 * depthMm;
    const core =
      (shifted / (0.36 * depthMm)) ** 2 +
      (x / (0.38 * widthMm)) ** 2 +
      0.35 * offMiddle * offMiddle * offMiddle;
    const share = Math.min(1, Math.max(0, (1.45 - core) * 1.25));
    if (disc.gas && share > 0.6 && offMiddle < 0.45) {
      this.tissue = TISSUE.gas;
      return true;
    }
    if (share < 0.02 || outline > 0.93) {
      this.tissue = TISSUE.annulus;
      return true;
    }
    const wear = unit.grade;
    // The dark cleft in the middle of an adult nucleus.
    const cleft = wear > 1.8 && wear < 3.8 && offMiddle < 0.2 ? 0.8 : 1;
    const bright = nucleusSignal(wear) * cleft;
    this.tissue = TISSUE.nucleus;
    this.mrFactor = (bright * share + 0.12 * (1 - share)) / 0.5;
    this.huShift = 16 * (1 - share);
    return true;
  }

  /** The rest of a sacral disc: a thin dark slit with little left of its nucleus, fused at its rims. */
  private inRudiment(
    index: number,
    outline: number,
    forward: number,
    depth: number,
    x: number,
    y: number,
    z: number,
  ): boolean {
    if (outline >= 1) return false;
    const fused = Math.abs(forward) > depth * (index === 3 ? 0.46 : 0.36) || x * x > 200;
    this.tissue = fused ? TISSUE.marrow : TISSUE.annulus;
    if (fused) this.mrFactor = this.habitus.marrowMr * (1 + 0.05 * this.texture.smoothAt(x, y, z, 3.1));
    else this.mrFactor = index === 3 ? 1.7 : 1.2;
    return true;
  }

  private inLesion(x: number, along: number, behind: number, y: number, z: number): boolean {
    for (const disc of this.discs) {
      const lesion = disc?.lesion;
      if (!disc || !lesion || Math.abs(along - disc.alongMm) > 12) continue;
      const a = (behind + 1) / (lesion.depthMm + 1);
      const b = (along - disc.alongMm - lesion.upMm) / (lesion.halfHeightMm + 0.2 * lesion.depthMm);
      const c = (x - lesion.leftMm) / lesion.halfWidthMm;
      if (a * a + b * b + c * c > 1 + 0.12 * this.texture.smoothAt(x, y, z, 1.2)) continue;
      this.disc = disc.index;
      if (lesion.calcification && this.isCalcified(lesion, disc, x, along, behind, y, z)) return true;
      this.tissue = TISSUE.herniation;
      this.mrFactor = lesion.brightness;
      return true;
    }
    return false;
  }

  private isCalcified(
    { calcification }: Lesion,
    disc: DiscState,
    x: number,
    along: number,
    behind: number,
    y: number,
    z: number,
  ): boolean {
    const { radiiMm, behindMm, upMm, hu, huSpread } = calcification!;
    const a = (behind - behindMm) / radiiMm[0];
    const b = (along - disc.alongMm - upMm) / radiiMm[1];
    const c = x / radiiMm[2];
    const reach = a * a + b * b + c * c;
    if (reach > 1.5) return false;
    if (reach + 0.28 * this.texture.at(x, y, z, 0.55) > 0.95) return false;
    const grain = this.texture.at(x + 17, y, z, 0.5);
    this.tissue = TISSUE.calcification;
    this.mrFactor = Math.max(0.3, 1 + 0.5 * grain);
    const value = hu + huSpread * grain - 25 * reach;
    this.huShift = Math.min(CALCIFICATION_HU.most, Math.max(CALCIFICATION_HU.least, value)) - 250;
    return true;
  }
}

/** Of Pfirrmann's grades, T2 signal with fluid as 1. */
function nucleusSignal(grade: number): number {
  return Math.max(0.1, 0.5 - 0.125 * (grade - 1));
}

function inBasivertebralVein(x: number, forward: number, fraction: number, depth: number): boolean {
  return forward < -depth * 0.2 && Math.abs(fraction - 0.5) < 0.05 && x * x < 20;
}

/** 1 on the outline of a body. The sacrum's wings widen it without a wall. */
function radius(x: number, forward: number, depth: number, width: number, sacral: boolean): number {
  const u = Math.abs((2 * forward) / depth);
  const v = Math.abs((2 * x) / (sacral ? width * 1.5 : width));
  if (u > 1 || v > 1) return 2;
  // u ** 2.5, without the cost of a general power.
  return u * u * Math.sqrt(u) + v * v * Math.sqrt(v);
}

/** Bilinear. Outside the grid the edge's values hold. */
function readAtlas(atlas: Atlas, y: number, z: number, into: Float64Array): void {
  const { cells, columns, rows, cellMm } = atlas;
  const fy = Math.min(columns - 1.001, Math.max(0, (y - atlas.originY) / cellMm));
  const fz = Math.min(rows - 1.001, Math.max(0, (z - atlas.originZ) / cellMm));
  const iy = Math.floor(fy);
  const iz = Math.floor(fz);
  const wy = fy - iy;
  const wz = fz - iz;
  const base = (iz * columns + iy) * 4;
  const next = base + columns * 4;
  for (let k = 0; k < 4; k++) {
    const low = cells[base + k]! * (1 - wy) + cells[base + 4 + k]! * wy;
    const high = cells[next + k]! * (1 - wy) + cells[next + 4 + k]! * wy;
    into[k] = low * (1 - wz) + high * wz;
  }
}

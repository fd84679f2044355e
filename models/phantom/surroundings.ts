import type { Atlas } from './atlas.js';
import type { Habitus } from './habitus.js';
import type { Texture } from './random.js';
import type { Spine } from './spine.js';
import { TISSUE } from './tissues.js';

const SKIN_MM = 2;
/** From the wall of the canal to the fascia over the spinous processes. */
const FASCIA_MM = 53;
/** Half the patient's width; the sides curve forward towards it. */
const FLANK_MM = 175;
const SKIN_TABLE_FROM_MM = 150;
const SKIN_ENTRIES = 900;

/** Muscle, fat, vessels, pelvis, belly and skin around the spine. */
export class Surroundings {
  private readonly along: {
    readonly l4: number;
    readonly l5s1: number;
    readonly t12: number;
    readonly l2: number;
  };
  private readonly anteriorY: number;
  /** Behind the wall of the canal, per millimetre along it: asked for at every point. */
  private readonly midlineSkin: Float32Array;

  constructor(
    private readonly spine: Spine,
    atlas: Atlas,
    private readonly habitus: Habitus,
    private readonly texture: Texture,
  ) {
    const of = (name: string) => atlas.unitAlongMm[spine.units.findIndex((unit) => unit.name === name)]!;
    this.along = { l4: of('L4'), l5s1: of('L5-S1'), t12: of('T12'), l2: of('L2') };
    this.anteriorY = -habitus.bellyMm;
    this.midlineSkin = Float32Array.from({ length: SKIN_ENTRIES }, (_, i) =>
      this.drawSkin(i - SKIN_TABLE_FROM_MM),
    );
  }

  /** Is the point outside the skin? */
  outside(x: number, y: number, along: number, behind: number): boolean {
    return behind > this.skinBehind(x, along) || y < this.bellyY(x) || Math.abs(x) > FLANK_MM;
  }

  at(x: number, y: number, z: number, unit: number, forward: number, along: number, behind: number): number {
    const toSkin = Math.min(this.skinBehind(x, along) - behind, y - this.bellyY(x), FLANK_MM - Math.abs(x));
    if (toSkin < SKIN_MM) return TISSUE.skin;
    const side = Math.abs(x);
    if (behind > this.fascia(side, along)) return this.subcutaneous(x, y, z);
    if (behind > -2) return this.backMuscle(x, side, along, behind, y, z);
    return this.inFront(x, side, y, z, unit, forward, along, behind, toSkin);
  }

  private skinBehind(x: number, along: number): number {
    const at = Math.min(SKIN_ENTRIES - 1, Math.max(0, Math.round(along) + SKIN_TABLE_FROM_MM));
    return this.midlineSkin[at]! - (x * x) / 420;
  }

  /** The back is flatter than the spine: fat fills the hollow. */
  private drawSkin(along: number): number {
    const hollow = Math.exp(-(((along - this.along.l4 + 12) / 45) ** 2));
    const layer = 2 + this.habitus.fatMm + this.habitus.lumbarFatMm * hollow;
    return this.fascia(0, along) + layer + 10 * this.belowLumbar(along);
  }

  /** Over the sacrum little muscle lies under the skin. */
  private fascia(side: number, along: number): number {
    return FASCIA_MM - (side * side) / 300 - 16 * this.belowLumbar(along);
  }

  /** 0 above the last disc, 1 from the second sacral segment down, smooth between. */
  private belowLumbar(along: number): number {
    const t = Math.min(1, Math.max(0, (this.along.l5s1 + 15 - along) / 60));
    return t * t * (3 - 2 * t);
  }

  private bellyY(x: number): number {
    return this.anteriorY + (x * x) / 260;
  }

  /** Lobules with thin dark septa. */
  private subcutaneous(x: number, y: number, z: number): number {
    return Math.abs(this.texture.smoothAt(x * 0.5, y * 1.6, z * 0.5, 2.2)) < 0.03
      ? TISSUE.interspinous
      : TISSUE.fat;
  }

  private backMuscle(x: number, side: number, along: number, behind: number, y: number, z: number): number {
    if (along < this.along.l5s1 - 25 && side < 60) return this.pelvisBehind(side, behind, x, y, z);
    const wing = this.iliacWing(side, along, behind);
    if (wing >= 0) return wing;
    // The outline of the erector spinae; beside it fat, then the flank's wall.
    const lateral = (side / 68) ** 2 + ((behind - 18) / 44) ** 2;
    if (lateral > 1) return TISSUE.fat;
    const streak = this.texture.smoothAt(x * 1.3, y * 1.3, z * 0.25, 1.7);
    return streak > 2.2 - 4 * this.habitus.muscleFat ? TISSUE.innerFat : TISSUE.muscle;
  }

  private pelvisBehind(side: number, behind: number, x: number, y: number, z: number): number {
    if (behind < 14 && side < 45) return TISSUE.marrow;
    return this.texture.smoothAt(x, y, z, 2.5) > 0.9 ? TISSUE.innerFat : TISSUE.muscle;
  }

  /** A curved plate that rises sideways from the sacroiliac joint. */
  private iliacWing(side: number, along: number, behind: number): number {
    const up = along - (this.along.l5s1 - 40);
    if (up < -20 || up > 75 || side < 45) return -1;
    const plate = side - (56 + up * 0.45 - behind * 0.45);
    if (Math.abs(plate) > 5 || behind < -60) return -1;
    return Math.abs(plate) > 3.4 ? TISSUE.cortical : TISSUE.marrow;
  }

  private inFront(
    x: number,
    side: number,
    y: number,
    z: number,
    unit: number,
    forward: number,
    along: number,
    behind: number,
    toSkin: number,
  ): number {
    if (toSkin < 16) return TISSUE.fat;
    if (toSkin < 25 && behind < -60) return TISSUE.muscle;
    const wing = this.iliacWing(side, along, behind);
    if (wing >= 0) return wing;
    const vessel = this.vessel(x, along, behind);
    if (vessel >= 0) return vessel;
    if (this.inPsoas(side, along, behind)) return TISSUE.muscle;
    if (unit < 4.9 && side > 22 && side < 52 && behind > -34) return TISSUE.marrow;
    if (this.inKidney(side, along, behind)) return TISSUE.kidney;
    if (forward > 0 && side < 14 && forward < this.frontOf(unit) + 1.8) return TISSUE.ligament;
    if (behind > -52) return TISSUE.innerFat;
    return this.belly(x, y, z);
  }

  /** How far in front of the chain's middle line its bodies reach at a place along it. */
  private frontOf(unit: number): number {
    const { planes } = this.spine;
    const index = Math.min(planes.length - 2, Math.max(0, Math.floor(unit)));
    const fraction = Math.min(1, Math.max(0, unit - index));
    return (planes[index]!.depthMm * (1 - fraction) + planes[index + 1]!.depthMm * fraction) / 2;
  }

  /** Aorta to the left and vena cava to the right in front of the bodies; below L4 their branches part. */
  private vessel(x: number, along: number, behind: number): number {
    const below = Math.max(0, this.along.l4 - 8 - along);
    const front = -(45 + below * 0.1);
    const aorta = ((x - 11 - below * 0.5) / 8.5) ** 2 + ((behind - front) / 8.5) ** 2;
    const cava = ((x + 14 + below * 0.5) / 10) ** 2 + ((behind - front - 2) / 7.5) ** 2;
    const nearest = below > 60 ? 2 : Math.min(aorta, cava);
    if (nearest > 1) return -1;
    return nearest > 0.8 ? TISSUE.vesselWall : TISSUE.blood;
  }

  private inPsoas(side: number, along: number, behind: number): boolean {
    const down = (this.along.l2 + 15 - along) / 100;
    if (down < 0) return false;
    const grown = Math.min(1, 0.45 + down * 0.6);
    const a = (side - 33 - 8 * down) / (17 * grown);
    const b = (behind + 20 + 14 * Math.max(0, down - 0.8)) / (21 * grown);
    return a * a + b * b < 1;
  }

  private inKidney(side: number, along: number, behind: number): boolean {
    const a = (side - 62) / 24;
    const b = (behind + 26) / 24;
    const c = (along - this.along.l2 - 12) / 52;
    return a * a + b * b + c * c < 1;
  }

  private belly(x: number, y: number, z: number): number {
    const coarse = this.texture.smoothAt(x, y, z, 5.5);
    if (coarse > 1.1) return TISSUE.gas;
    return coarse > -0.1 ? TISSUE.bowel : TISSUE.innerFat;
  }
}

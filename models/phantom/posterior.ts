import type { Atlas } from './atlas.js';
import type { Habitus } from './habitus.js';
import type { Texture } from './random.js';
import type { Spine } from './spine.js';
import { TISSUE } from './tissues.js';

const NOTHING = -1;

interface Vertebra {
  readonly alongMm: number;
  readonly size: number;
  readonly sacral: boolean;
  /** Spinous process: half its height, and how far it reaches behind the lamina. */
  readonly processHalfMm: number;
  readonly processLengthMm: number;
}

/** What lies behind the bodies: dural sac with cord and roots, arch, joints, ligaments. Coordinates of the Atlas. */
export class PosteriorParts {
  mrFactor = 1;
  private readonly vertebrae: readonly Vertebra[];
  private readonly sacrumAlong: number;
  private readonly sacEnd: number;
  private readonly conusTip: number;

  constructor(
    spine: Spine,
    atlas: Atlas,
    private readonly habitus: Habitus,
    private readonly texture: Texture,
  ) {
    this.vertebrae = spine.units.flatMap((unit, i) =>
      unit.kind === 'body' ? [describe(unit.name, atlas.unitAlongMm[i]!, spine.size, unit.sacral)] : [],
    );
    const along = (name: string) => atlas.unitAlongMm[spine.units.findIndex((unit) => unit.name === name)]!;
    this.sacrumAlong = along('L5-S1');
    this.sacEnd = along('S2');
    this.conusTip = along('L1');
  }

  /** @returns a tissue number, or -1 where none of these parts lies */
  at(x: number, along: number, behind: number, unit: number, y: number, z: number): number {
    this.mrFactor = 1;
    const side = Math.abs(x);
    const canal = this.canalDepth(along);
    if (side < 14 && behind < canal + 3) {
      const found = this.inCanal(x, along, behind, canal, y, z);
      if (found !== NOTHING) return found;
    }
    if (side > 45) return NOTHING;
    const vertebra = this.nearest(along);
    const up = along - vertebra.alongMm;
    const found = vertebra.sacral
      ? this.sacralArch(side, along, behind, canal)
      : this.arch(side, up, behind, canal, vertebra);
    if (found !== NOTHING) {
      if (found === TISSUE.marrow)
        this.mrFactor = this.habitus.marrowMr * (1 + 0.15 * this.texture.smoothAt(x, y, z, 2.1));
      return found;
    }
    return unit > 4.2 ? this.between(x, side, up, behind, canal, vertebra, y, z) : NOTHING;
  }

  /** Front to back of the bony canal in the midline: narrow in the sacrum. */
  private canalDepth(along: number): number {
    const into = (this.sacrumAlong - along) / 60;
    if (into <= 0) return this.habitus.canalMm;
    return this.habitus.canalMm * Math.max(0.3, 1 - 0.75 * into);
  }

  private inCanal(x: number, along: number, behind: number, canal: number, y: number, z: number): number {
    const roof = canal - Math.abs(x) * 0.55;
    if (behind > roof + 2.4) return NOTHING;
    const sac = this.sacShare(along);
    // Below L5 the sac leaves the disc and lies further back, with fat in front of it.
    const intoSacrum = Math.min(1, Math.max(0, (this.sacrumAlong + 12 - along) / 24));
    const front = 0.8 + 3.2 * intoSacrum;
    const half = ((canal - front - 0.5) / 2) * sac;
    const middle = front + (canal - front) / 2 - 0.4;
    const a = (behind - middle) / Math.max(half, 0.01);
    const b = x / (10.5 * sac + 0.01);
    const r = a * a + b * b;
    if (r < 1) return r > 0.86 ? this.dura() : this.inSac(x, along, behind, middle, y, z);
    if (behind > roof) return behind > roof + 0.4 ? TISSUE.ligament : TISSUE.ligament;
    if (behind < 0.6) return this.ligamentOrVein(x, along);
    return TISSUE.innerFat;
  }

  private dura(): number {
    this.mrFactor = 0.75;
    return TISSUE.fluid;
  }

  /** The posterior longitudinal ligament; behind the middle of a body the veins. */
  private ligamentOrVein(x: number, along: number): number {
    const behindBody = this.vertebrae.some(({ alongMm }) => Math.abs(along - alongMm) < 8);
    return behindBody && Math.abs(x) < 9 ? TISSUE.vein : TISSUE.ligament;
  }

  private sacShare(along: number): number {
    return Math.min(1, Math.max(0.02, (along - this.sacEnd) / 26 + 0.25));
  }

  /** Cord down to the conus, then the cauda equina: strands along the sac that lie at its back. */
  private inSac(x: number, along: number, behind: number, middle: number, y: number, z: number): number {
    const above = along - this.conusTip;
    if (above > 0) {
      const half = Math.min(4.3, 0.8 + above * 0.11);
      const a = (behind - middle) / half;
      const b = x / (half * 1.25);
      if (a * a + b * b < 1) return TISSUE.cord;
    }
    const backwards = (behind - middle) / 5;
    const strand = this.texture.smoothAt(x * 1.6, behind * 2.4, along * 0.045, 1);
    const crowd = above > -15 ? 0.2 : 0.75;
    if (strand > crowd - backwards * 0.7 && backwards > -0.9) return TISSUE.root;
    this.mrFactor = 1 + 0.03 * this.texture.smoothAt(x, y, z, 4);
    return TISSUE.fluid;
  }

  private nearest(along: number): Vertebra {
    let best = this.vertebrae[0]!;
    // An arch hangs below the middle of its body.
    for (const vertebra of this.vertebrae)
      if (Math.abs(along + 7 - vertebra.alongMm) < Math.abs(along + 7 - best.alongMm)) best = vertebra;
    return best;
  }

  private arch(side: number, up: number, behind: number, canal: number, v: Vertebra): number {
    const s = v.size;
    // Pedicle, from the upper half of the body to the back.
    const pedicle = ((side - 14 * s) / (4.6 * s)) ** 2 + ((up - 5 * s) / (7.2 * s)) ** 2;
    if (pedicle < 1 && behind < canal) return shell(pedicle, 0.72);
    // Transverse process.
    if (side > 16 && side < 40 * s) {
      const across = ((behind - 7) / (3.6 * s)) ** 2 + ((up - 4 * s) / (5.2 * s)) ** 2;
      if (across < 1) return shell(across, 0.6);
    }
    // Lamina: a roof over the canal.
    const roof = canal - side * 0.55 + 2.4;
    if (side < 15 && behind > roof && behind < roof + 6.5 && up > -15 * s && up < 1 * s) {
      const inside = Math.min(behind - roof, roof + 6.5 - behind, up + 15 * s, s - up);
      return inside < 1.1 ? TISSUE.cortical : TISSUE.marrow;
    }
    const joint = this.facet(side, up, behind, s);
    return joint !== NOTHING ? joint : this.spinousProcess(side, up, behind, canal, v);
  }

  /** The joint's two processes with a dark cleft between them. */
  private facet(side: number, up: number, behind: number, s: number): number {
    const a = ((side - 17 * s) / (6.2 * s)) ** 2;
    const b = ((behind - 13) / (7 * s)) ** 2;
    const c = ((up + 15 * s) / (12 * s)) ** 2;
    const r = a + b + c;
    if (r >= 1) return NOTHING;
    const cleft = side - 17 * s + (behind - 13) * 0.5;
    if (Math.abs(cleft) < 0.6) return TISSUE.ligament;
    return r > 0.66 || Math.abs(cleft) < 1.6 ? TISSUE.cortical : TISSUE.marrow;
  }

  private spinousProcess(side: number, up: number, behind: number, canal: number, v: Vertebra): number {
    const from = canal + 5;
    const into = (behind - from) / v.processLengthMm;
    if (into < -0.1 || into > 1) return NOTHING;
    const centre = -8 * v.size - into * 6;
    const halfHeight = v.processHalfMm * (0.75 + 0.35 * into);
    const a = fourth((up - centre) / halfHeight);
    const b = fourth(2 * into - 0.9) * 0.8;
    const c = (side / (3 + 1.2 * into)) ** 2;
    const r = a + b + c;
    return r < 1 ? shell(r, 0.66) : NOTHING;
  }

  private sacralArch(side: number, along: number, behind: number, canal: number): number {
    if (along > this.sacrumAlong - 8) return NOTHING;
    const roof = canal + 1.5 - side * 0.25;
    if (behind < roof) return side > 13 ? TISSUE.marrow : NOTHING;
    const crest = 5 + 8 * Math.max(0, 1 - side / 5) * (0.55 + 0.45 * Math.cos(along / 3.6));
    const inside = Math.min(behind - roof, roof + crest - behind);
    if (inside < 0) return NOTHING;
    return inside < 1.2 ? TISSUE.cortical : TISSUE.marrow;
  }

  /** Between the arches: yellow ligament, fat in the midline, interspinous and supraspinous ligament. */
  private between(
    x: number,
    side: number,
    up: number,
    behind: number,
    canal: number,
    v: Vertebra,
    y: number,
    z: number,
  ): number {
    const roof = canal - side * 0.55;
    if (side < 14 && behind > roof - 3.5 && behind < roof + 3)
      return side < 3.5 && behind < roof + 1 ? TISSUE.innerFat : TISSUE.ligament;
    const tip = canal + 5 + v.processLengthMm;
    if (side < 3 && behind >= tip - 1 && behind < tip + 3) return TISSUE.ligament;
    if (side < 4.2 && behind > roof && behind < tip) {
      const streaks = this.texture.smoothAt(x, behind * 0.5 + up * 0.9, up * 1.1 - behind * 0.4, 1.5);
      this.mrFactor = Math.max(0.2, 1 + 0.65 * streaks + 0.12 * this.texture.at(x, y, z, 0.8));
      return TISSUE.interspinous;
    }
    // The foramen: fat around the root that passes under the pedicle.
    if (side > 8 && side < 20 && behind < 11) {
      const root = ((up + 8) / 3.2) ** 2 + ((behind - 5) / 3) ** 2;
      return root < 1 ? TISSUE.root : TISSUE.innerFat;
    }
    return NOTHING;
  }
}

function fourth(value: number): number {
  return value * value * value * value;
}

/** A cortical shell around marrow; r is 1 on the outside. */
function shell(r: number, core: number): number {
  return r > core ? TISSUE.cortical : TISSUE.marrow;
}

function describe(name: string, alongMm: number, size: number, sacral: boolean): Vertebra {
  const isLowest = name === 'L5';
  return {
    alongMm,
    size,
    sacral,
    processHalfMm: (isLowest ? 6.5 : name.startsWith('T') ? 7 : 9.5) * size,
    processLengthMm: (isLowest ? 22 : 29) * size,
  };
}

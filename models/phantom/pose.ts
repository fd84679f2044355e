import type { PointMm } from '../../agent/locate/types.js';
import type { Spine } from './spine.js';

/** The height over which a sideways bow rises and falls again, from the sacral end plate up. */
const BOW_MM = 240;

export interface PoseSettings {
  readonly scoliosisMm: number;
  /** About the antero-posterior axis (leaning to a side) and the long axis (rolled). */
  readonly leanRad: number;
  readonly rollRad: number;
  /** Where the middle of the sacral end plate lies, in the patient's LPS frame. */
  readonly originMm: PointMm;
}

/** How the spine's own frame lies in a scanner's. Rigid, but for the sideways bow. */
export class Pose {
  private readonly cosLean: number;
  private readonly sinLean: number;
  private readonly cosRoll: number;
  private readonly sinRoll: number;

  constructor(private readonly settings: PoseSettings) {
    this.cosLean = Math.cos(settings.leanRad);
    this.sinLean = Math.sin(settings.leanRad);
    this.cosRoll = Math.cos(settings.rollRad);
    this.sinRoll = Math.sin(settings.rollRad);
  }

  /** A point of the spine's middle plane (x = 0 in its own frame, before the bow) in the patient's frame. */
  midlineToPatient(y: number, z: number): PointMm {
    const x = this.bow(z);
    const [ox, oy, oz] = this.settings.originMm;
    const xRolled = x * this.cosRoll - y * this.sinRoll;
    const yRolled = x * this.sinRoll + y * this.cosRoll;
    return [
      xRolled * this.cosLean - z * this.sinLean + ox,
      yRolled + oy,
      xRolled * this.sinLean + z * this.cosLean + oz,
    ];
  }

  /** @param into receives x, y, z in the spine's frame */
  toSpine(px: number, py: number, pz: number, into: Float64Array): void {
    const [ox, oy, oz] = this.settings.originMm;
    const xLeaned = (px - ox) * this.cosLean + (pz - oz) * this.sinLean;
    const z = -(px - ox) * this.sinLean + (pz - oz) * this.cosLean;
    const x = xLeaned * this.cosRoll + (py - oy) * this.sinRoll;
    const y = -xLeaned * this.sinRoll + (py - oy) * this.cosRoll;
    const aside = x - this.bow(z);
    into[0] = aside;
    into[1] = y;
    // End plates stand across the bow.
    into[2] = z + this.bowSlope(z) * aside;
  }

  private bow(z: number): number {
    if (this.settings.scoliosisMm === 0 || z <= 0 || z >= BOW_MM) return 0;
    return this.settings.scoliosisMm * Math.sin((Math.PI * z) / BOW_MM) ** 2;
  }

  private bowSlope(z: number): number {
    if (this.settings.scoliosisMm === 0 || z <= 0 || z >= BOW_MM) return 0;
    return ((this.settings.scoliosisMm * Math.PI) / BOW_MM) * Math.sin((2 * Math.PI * z) / BOW_MM);
  }
}

/** Vertical extent and the antero-posterior place of the lumbar spine, in the spine's frame. */
export function extentOf({ planes, units }: Spine): { lowZ: number; highZ: number; middleY: number } {
  const zs = planes.map(({ z }) => z);
  const l3 = units.findIndex(({ name }) => name === 'L3');
  return { lowZ: Math.min(...zs), highZ: zs[zs.length - 2]!, middleY: planes[l3]!.y };
}

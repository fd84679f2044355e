/**
 * What a point can be made of. `mr`: T2-weighted signal, cerebrospinal fluid = 1. `hu`: unenhanced CT at 120 kV.
 * `grain`: standard deviation of the tissue's own texture as a share of mr, and in HU.
 */
export const TISSUES = {
  air: { mr: 0, hu: -1000, mrGrain: 0, huGrain: 0 },
  skin: { mr: 0.3, hu: 20, mrGrain: 0.1, huGrain: 5 },
  fat: { mr: 0.66, hu: -103, mrGrain: 0.09, huGrain: 6 },
  innerFat: { mr: 0.62, hu: -98, mrGrain: 0.12, huGrain: 8 },
  muscle: { mr: 0.17, hu: 55, mrGrain: 0.14, huGrain: 6 },
  ligament: { mr: 0.07, hu: 70, mrGrain: 0.2, huGrain: 8 },
  interspinous: { mr: 0.3, hu: 25, mrGrain: 0.4, huGrain: 25 },
  fluid: { mr: 1, hu: 8, mrGrain: 0.03, huGrain: 3 },
  cord: { mr: 0.42, hu: 38, mrGrain: 0.05, huGrain: 3 },
  root: { mr: 0.52, hu: 32, mrGrain: 0.08, huGrain: 3 },
  cortical: { mr: 0.05, hu: 720, mrGrain: 0.2, huGrain: 110 },
  endPlate: { mr: 0.07, hu: 520, mrGrain: 0.2, huGrain: 70 },
  sclerosis: { mr: 0.14, hu: 420, mrGrain: 0.2, huGrain: 60 },
  /** Its HU overlaps the range of a calcified disc, as in patients. */
  marrow: { mr: 0.4, hu: 165, mrGrain: 0.26, huGrain: 28 },
  nucleus: { mr: 0.5, hu: 72, mrGrain: 0.2, huGrain: 3 },
  annulus: { mr: 0.13, hu: 88, mrGrain: 0.3, huGrain: 4 },
  herniation: { mr: 0.27, hu: 82, mrGrain: 0.12, huGrain: 4 },
  calcification: { mr: 0.035, hu: 250, mrGrain: 0.3, huGrain: 0 },
  gas: { mr: 0.02, hu: -900, mrGrain: 0, huGrain: 20 },
  blood: { mr: 0.04, hu: 44, mrGrain: 0.3, huGrain: 3 },
  vesselWall: { mr: 0.12, hu: 50, mrGrain: 0.2, huGrain: 5 },
  bowel: { mr: 0.34, hu: 38, mrGrain: 0.3, huGrain: 12 },
  kidney: { mr: 0.5, hu: 33, mrGrain: 0.06, huGrain: 4 },
  vein: { mr: 0.6, hu: 45, mrGrain: 0.1, huGrain: 4 },
} as const satisfies Record<string, TissueProperties>;

export interface TissueProperties {
  readonly mr: number;
  readonly hu: number;
  readonly mrGrain: number;
  readonly huGrain: number;
}

export type TissueName = keyof typeof TISSUES;

/** Tissues as small integers for the sampling loop. */
export const TISSUE_NAMES = Object.keys(TISSUES) as TissueName[];
export const TISSUE = Object.fromEntries(TISSUE_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<TissueName, number>
>;

/** Columns of the table as arrays, indexed by tissue number. */
export function column(key: keyof TissueProperties): Float32Array {
  return Float32Array.from(TISSUE_NAMES, (name) => TISSUES[name][key]);
}

/** What contrast agent makes of tissues on CT: in the portal venous phase, or an hour after it was given into the sac. */
const CONTRAST_HU = {
  intravenous: { blood: 160, vein: 150, kidney: 190, bowel: 75, muscle: 65 },
  intrathecal: { fluid: 420, root: 160, cord: 90 },
} as const satisfies Record<string, Partial<Record<TissueName, number>>>;

/** HU of each tissue, indexed by tissue number. */
export function huColumn(contrast?: keyof typeof CONTRAST_HU): Float32Array {
  const hu = column('hu');
  for (const [name, value] of Object.entries(contrast ? CONTRAST_HU[contrast] : {}))
    hu[TISSUE[name as TissueName]!] = value;
  return hu;
}

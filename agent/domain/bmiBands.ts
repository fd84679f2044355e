/** WHO's groups (Technical Report Series 894), kg/m² with one decimal: from, and below which; null for no bound. */
export const BMI_BANDS = {
  'under-18.5': { words: 'below 18.5', from: null, below: 18.5 },
  '18.5-24.9': { words: '18.5 to 24.9', from: 18.5, below: 25 },
  '25-29.9': { words: '25 to 29.9', from: 25, below: 30 },
  'from-30': { words: '30 and more', from: 30, below: null },
} as const satisfies Record<
  string,
  { readonly words: string; readonly from: number | null; readonly below: number | null }
>;

export type BmiBand = keyof typeof BMI_BANDS;
/** 'not-said': size or weight is not in the images, or no person's. */
export type BmiGroup = BmiBand | 'not-said';
const BANDS = Object.keys(BMI_BANDS) as BmiBand[];
export const BMI_GROUPS: readonly BmiGroup[] = [...BANDS, 'not-said'];

export function bmiGroupOf(bmi: number | null): BmiGroup {
  const isIn = ({ from, below }: (typeof BMI_BANDS)[BmiBand]) =>
    bmi !== null && bmi >= (from ?? 0) && bmi < (below ?? Infinity);
  return BANDS.find((band) => isIn(BMI_BANDS[band])) ?? 'not-said';
}

export function bmiWords(group: BmiGroup): string {
  return group === 'not-said' ? 'not said' : BMI_BANDS[group].words;
}

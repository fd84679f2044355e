/** What is built into a seeded database: whoever looks for it knows what there is to be found. */
export interface SeedScanner {
  readonly site: string;
  readonly station: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly fieldStrengthT: number;
  /** Of all studies. */
  readonly share: number;
  /** First day with studies, of SEED_DAYS. */
  readonly from: number;
  readonly spacingMm: number;
  /** How much of the distance between calcified and not calcified is left: 1 is all. */
  readonly separation: number;
  /** Share of studies whose levels are uncertain. */
  readonly uncertain: number;
  /** Share of discs of which nothing is stated. */
  readonly unstated: number;
}

export const SEED_DAYS = 730;

const GOOD = { from: 0, separation: 1, uncertain: 0.04, unstated: 0.03 } as const;

/** Three sites, six scanners; E-MR2 is bad from the first day, S-MR2 is new in the second year. */
export const SEED_SCANNERS: readonly SeedScanner[] = [
  scanner('Nordklinikum', 'N-MR1', 'SIEMENS', 'Aera', 1.5, 0.22),
  scanner('Nordklinikum', 'N-MR2', 'SIEMENS', 'Vida', 3, 0.22),
  scanner('Hospital do Sul', 'S-MR1', 'Philips', 'Ingenia', 1.5, 0.2),
  { ...scanner('Hospital do Sul', 'S-MR2', 'Philips', 'Elition', 3, 0.12), from: 420 },
  scanner("Centre de l'Est", 'E-MR1', 'GE', 'Artist', 1.5, 0.14),
  {
    ...scanner("Centre de l'Est", 'E-MR2', 'GE', 'Optima', 1.5, 0.1),
    separation: 0.45,
    uncertain: 0.14,
    unstated: 0.12,
    spacingMm: 0.78,
  },
];

/** From this day on the deciding model scores higher on one scanner, as after a change of its sequence. */
export const SEED_DRIFT = {
  day: 500,
  station: 'N-MR2',
  /** Added to the logit of the deciding model, and of the others. */
  active: 1.4,
  shadow: 0.2,
  /** Of the distance of a region from what the network learnt from. */
  distance: 1.35,
} as const;

/** From this day on the pictures of one scanner are blurred, as by a filter that somebody has set. */
export const SEED_BLUR = { day: 560, station: 'S-MR1', sharpness: 0.88 } as const;

function scanner(
  site: string,
  station: string,
  manufacturer: string,
  model: string,
  fieldStrengthT: number,
  share: number,
): SeedScanner {
  return {
    ...GOOD,
    site,
    station,
    manufacturer,
    model,
    fieldStrengthT,
    share,
    spacingMm: fieldStrengthT > 2 ? 0.5 : 0.6,
  };
}

/** 'YYYY-MM-DD' so many days after the first. */
export function dayAfter(first: string, days: number): string {
  return new Date(Date.parse(`${first}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

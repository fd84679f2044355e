import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { Collected, LabelledDisc } from './collect.js';
import type { ControlDraw } from './controls.js';
import { KIND } from './folder.js';
import { CASE_REASONS, DISC_REASONS, type Sources } from './select.js';
import { COLUMNS } from './table.js';

/** dataset.json: what is in the folder, what is not and why. Holds no identifier and no true date of a patient. */
export interface DatasetManifest {
  readonly kind: typeof KIND;
  readonly format: 1;
  /** The day of the export. */
  readonly created: string;
  readonly software: string;
  readonly notice: string;
  readonly site: string;
  /** Exports with the same one share pseudonyms and date shifts. */
  readonly keyFingerprint: string;
  readonly sources: Sources;
  /** Whether --since or --until narrowed it; the dates themselves stand on the audit trail of the site. */
  readonly isDateRange: boolean;
  readonly labelRules: readonly LabelRule[];
  readonly localisers: readonly string[];
  readonly marginsMm: readonly number[];
  readonly counts: Counts;
  readonly controls: Controls;
  readonly considered: { readonly cases: number };
  readonly leftOut: { readonly cases: readonly LeftOut[]; readonly discs: readonly LeftOut[] };
  readonly columns: Readonly<Record<string, string>>;
}

/** Calcified: a region of the disc on CT within this range. */
export interface LabelRule {
  readonly huLow: number;
  readonly huHigh: number;
}

interface Counts {
  readonly patients: number;
  readonly cases: number;
  readonly regions: number;
  readonly calcified: number;
  readonly notCalcified: number;
  readonly byLevel: Readonly<Record<Level, { readonly calcified: number; readonly notCalcified: number }>>;
}

export type Controls =
  | { readonly how: 'all' }
  | ({
      readonly how: 'proportional';
      readonly seed: number;
      readonly perCase: number;
      readonly explanation: string;
    } & Omit<ControlDraw<unknown>, 'drawn'>);

interface LeftOut {
  readonly reason: string;
  readonly meaning: string;
  readonly count: number;
}

export interface ManifestInput {
  readonly version: string;
  readonly site: string;
  readonly keyFingerprint: string;
  readonly sources: Sources;
  readonly isDateRange: boolean;
  readonly collected: Collected;
  readonly chosen: readonly LabelledDisc[];
  readonly draw: ControlDraw<LabelledDisc> | null;
  readonly seed: number;
  readonly perCase: number;
}

export const PROPORTIONAL =
  'at each level perCase discs without calcification for every calcified one, drawn with this seed and without ' +
  'replacement from all such discs, those of patients with a calcified disc at another level among them; so L1-L2 to ' +
  'L5-S1 have the same proportions in both groups, but where a level was short';

export function manifestOf(input: ManifestInput): DatasetManifest {
  const { collected, chosen, draw, sources } = input;
  const notDrawn = collected.discs.length - chosen.length;
  const discsLeftOut = {
    ...collected.discsLeftOut,
    ...(notDrawn > 0 ? { 'control-not-drawn': notDrawn } : {}),
  };
  const rules = chosen.flatMap(({ disc }) =>
    sources.labels === 'ct' && disc ? [{ huLow: disc.huLow!, huHigh: disc.huHigh! }] : [],
  );
  const automatic = sources.regions === 'automatic' ? chosen : [];
  return {
    kind: KIND,
    format: 1,
    created: new Date().toISOString().slice(0, 10),
    software: `calcidisc ${input.version}`,
    notice:
      'Research data under pseudonyms. Whoever holds the key of the site can find the patients; nobody else may try. ' +
      'Not for diagnosis.',
    site: input.site,
    keyFingerprint: input.keyFingerprint,
    sources,
    isDateRange: input.isDateRange,
    labelRules: distinct(rules),
    localisers: distinct(automatic.map(({ row }) => row.localiser ?? 'unknown')),
    marginsMm: distinct(automatic.map(({ disc }) => disc!.marginMm!)),
    counts: countsOf(chosen),
    controls: draw
      ? {
          how: 'proportional',
          seed: input.seed,
          perCase: input.perCase,
          explanation: PROPORTIONAL,
          available: draw.available,
          short: draw.short,
        }
      : { how: 'all' },
    considered: { cases: collected.casesConsidered },
    leftOut: {
      cases: leftOut(CASE_REASONS, collected.casesLeftOut),
      discs: leftOut(DISC_REASONS, discsLeftOut),
    },
    columns: COLUMNS,
  };
}

function countsOf(chosen: readonly LabelledDisc[]): Counts {
  const count = (discs: readonly LabelledDisc[], isCalcified: boolean) =>
    discs.filter((disc) => disc.isCalcified === isCalcified).length;
  const groups = (discs: readonly LabelledDisc[]) => ({
    calcified: count(discs, true),
    notCalcified: count(discs, false),
  });
  return {
    patients: new Set(chosen.map(({ row }) => JSON.stringify([row.issuerOfPatientId, row.patientId]))).size,
    cases: new Set(chosen.map(({ row }) => row.caseId)).size,
    regions: chosen.length,
    ...groups(chosen),
    byLevel: Object.fromEntries(
      LEVELS.map((level) => [level, groups(chosen.filter((disc) => disc.level === level))]),
    ) as Counts['byLevel'],
  };
}

function leftOut(
  meanings: Readonly<Record<string, string>>,
  counts: Readonly<Record<string, number>>,
): LeftOut[] {
  return Object.entries(meanings).flatMap(([reason, meaning]) => {
    const count = counts[reason] ?? 0;
    return count > 0 ? [{ reason, meaning, count }] : [];
  });
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

import type { Answer } from '../../../agent/domain/answers.js';
import { LEVELS, type Level } from '../../../agent/domain/levels.js';
import type { Painted } from './alterSeries.js';

/** One disc of one series by one network, through the deployed path. */
export interface Told {
  readonly source: string;
  readonly series: string;
  readonly variant: string;
  readonly network: string;
  readonly level: Level;
  readonly answer: Answer;
  readonly probability: number;
  /** What the network gave of the region alone; null where that is the probability. */
  readonly alone: number | null;
  readonly distance: number | null;
  /** Of the slice that the agent chose; null for what nobody painted. */
  readonly painted: Painted | null;
}

/** What a reader sees at once: so much signal lost, well above the noise. */
export const CLEARLY_VISIBLE = { lossMm2: 8, contrastToNoise: 3 } as const;

export function isClear({ lossMm2, contrastToNoise }: Painted): boolean {
  return lossMm2 >= CLEARLY_VISIBLE.lossMm2 && contrastToNoise >= CLEARLY_VISIBLE.contrastToNoise;
}

export interface Summary {
  readonly source: string;
  readonly variant: string;
  readonly network: string;
  readonly discs: number;
  readonly told: number;
  /** Of what is told. */
  readonly flaggedShare: number | null;
  readonly notAssessableShare: number;
  readonly indeterminateShare: number;
  readonly flaggedByLevel: Readonly<Partial<Record<Level, number>>>;
  /** Of the clearly visible painted discs that are told; absent where nothing is painted. */
  readonly clearlyVisible?: { readonly discs: number; readonly flaggedShare: number | null };
  readonly bySize?: readonly {
    readonly lossMm2: string;
    readonly discs: number;
    readonly flaggedShare: number | null;
  }[];
  /** Share of painted discs whose score lies above that of the same disc untouched. */
  readonly aboveTwin?: number | null;
}

const SIZES = [0, 4, 8, 16, 32, Number.POSITIVE_INFINITY] as const;

/** One summary for each source, variant and network, in the order they came. */
export function summarise(told: readonly Told[]): readonly Summary[] {
  const groups = new Map<string, Told[]>();
  for (const one of told) {
    const key = [one.source, one.variant, one.network].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const untouched = new Map(
    told.filter(({ variant }) => variant === 'plain').map((one) => [twinKey(one), one.probability]),
  );
  return [...groups.values()].map((own) => summaryOf(own, untouched));
}

function twinKey({ source, series, network, level }: Told): string {
  return [source, series, network, level].join('\n');
}

function summaryOf(own: readonly Told[], untouched: ReadonlyMap<string, number>): Summary {
  const { source, variant, network } = own[0]!;
  const stated = own.filter(({ answer }) => answer !== 'not-assessable');
  const countOf = (answer: Answer) => own.filter((one) => one.answer === answer).length;
  const levels = LEVELS.flatMap((level) => {
    const at = stated.filter((one) => one.level === level);
    return at.length === 0 ? [] : [[level, flaggedShare(at)] as const];
  });
  const painted = own.filter((one) => one.painted !== null);
  return {
    source,
    variant,
    network,
    discs: own.length,
    told: stated.length,
    flaggedShare: flaggedShare(stated),
    notAssessableShare: countOf('not-assessable') / own.length,
    indeterminateShare: countOf('indeterminate') / own.length,
    flaggedByLevel: Object.fromEntries(levels),
    ...(painted.length === 0 ? {} : ofPainted(painted, untouched)),
  };
}

function ofPainted(painted: readonly Told[], untouched: ReadonlyMap<string, number>) {
  const stated = painted.filter(({ answer }) => answer !== 'not-assessable');
  const clear = stated.filter((one) => isClear(one.painted!));
  const twins = painted.flatMap((one) => {
    const clean = untouched.get(twinKey(one));
    return clean === undefined ? [] : [one.probability > clean];
  });
  return {
    clearlyVisible: { discs: clear.length, flaggedShare: flaggedShare(clear) },
    bySize: SIZES.slice(1).map((to, i) => {
      const from = SIZES[i]!;
      const at = stated.filter(({ painted: what }) => what!.lossMm2 >= from && what!.lossMm2 < to);
      return { lossMm2: `${from}-${to}`, discs: at.length, flaggedShare: flaggedShare(at) };
    }),
    aboveTwin: twins.length === 0 ? null : twins.filter(Boolean).length / twins.length,
  };
}

function flaggedShare(own: readonly Told[]): number | null {
  return own.length === 0 ? null : own.filter(({ answer }) => answer === 'calcified').length / own.length;
}

/** The table that is printed. */
export function tableOf(summaries: readonly Summary[]): string {
  const percent = (share: number | null | undefined) =>
    share === null || share === undefined ? '' : `${(100 * share).toFixed(0)} %`;
  const rows = summaries.map((one) =>
    [
      one.source,
      one.variant,
      one.network,
      one.discs,
      percent(one.notAssessableShare),
      percent(one.indeterminateShare),
      percent(one.flaggedShare),
      one.clearlyVisible ? `${percent(one.clearlyVisible.flaggedShare)} of ${one.clearlyVisible.discs}` : '',
      percent(one.aboveTwin),
    ].join(' | '),
  );
  return [
    '| source | made into | network | discs | not assessable | indeterminate | flagged of told | clearly visible flagged | above clean twin |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

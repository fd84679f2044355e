import { CalcidiscError } from '../../agent/domain/errors.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { Tx } from '../../db/server/knex.js';
import { listReaderRegions, listReaders, type ReaderRegion } from '../../db/views/readerRegions.js';
import {
  type DateRange,
  listResearchCases,
  listResearchDiscs,
  type ResearchCase,
  type ResearchDisc,
} from '../../db/views/research.js';
import type { DrawnFrom } from './controls.js';
import type { Pseudonyms } from './pseudonyms.js';
import { type CaseReason, type DiscReason, labelOf, type Sources, whyNotCase } from './select.js';

/** A disc with a certain level and a certain label. Still holds identifiers. */
export interface LabelledDisc extends DrawnFrom {
  readonly level: Level;
  readonly row: ResearchCase;
  readonly disc: ResearchDisc | null;
  readonly drawn: ReaderRegion | null;
  readonly labelSource: Sources['labels'];
  /** Which row holds the picture, and the hash it has to have. */
  readonly picture: {
    readonly table: 'discRegion' | 'readerRegion';
    readonly id: string;
    readonly sha256: string;
  };
}

export interface Collected {
  readonly discs: readonly LabelledDisc[];
  readonly casesConsidered: number;
  readonly casesLeftOut: Readonly<Partial<Record<CaseReason, number>>>;
  readonly discsLeftOut: Readonly<Partial<Record<DiscReason, number>>>;
}

export interface Wanted extends Sources, DateRange {
  /** Whose regions or labels, where there are several readers. */
  readonly reader?: string;
}

/**
 * Everything that may be exported, and why the rest may not, as of one moment.
 * @throws CalcidiscError DATASET_INVALID when it is not clear whose regions are meant
 */
export function collectDiscs(tx: Tx, wanted: Wanted, pseudonyms: Pseudonyms): Promise<Collected> {
  return tx.transaction(
    async (trx) => {
      const drawn = await regionsOfReader(trx, wanted);
      const cases = await listResearchCases(trx, wanted);
      return sift(cases, await listResearchDiscs(trx), drawn, wanted, pseudonyms);
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

async function regionsOfReader(tx: Tx, wanted: Wanted): Promise<readonly ReaderRegion[]> {
  if (wanted.regions === 'automatic' && wanted.labels === 'ct') return [];
  const readers = await listReaders(tx);
  const reader = wanted.reader ?? (readers.length === 1 ? readers[0] : undefined);
  const known = `readers with regions here: ${readers.join(', ') || 'none'}`;
  if (reader === undefined)
    throw new CalcidiscError('DATASET_INVALID', `say with --reader whose regions are meant; ${known}`);
  if (!readers.includes(reader))
    throw new CalcidiscError('DATASET_INVALID', `no regions of ${reader}; ${known}`);
  return listReaderRegions(tx, { reader });
}

function sift(
  cases: readonly ResearchCase[],
  discs: readonly ResearchDisc[],
  drawn: readonly ReaderRegion[],
  wanted: Wanted,
  pseudonyms: Pseudonyms,
): Collected {
  const discAt = new Map(discs.map((disc) => [at(disc), disc]));
  const drawnAt = new Map(drawn.map((region) => [at(region), region]));
  const casesLeftOut = new Tally<CaseReason>();
  const discsLeftOut = new Tally<DiscReason>();
  const found: LabelledDisc[] = [];
  for (const row of cases) {
    const reason = whyNotCase(row, wanted);
    if (reason) {
      casesLeftOut.add(reason);
      continue;
    }
    for (const level of LEVELS) {
      const place = at({ caseId: row.caseId, level });
      const [disc, region] = [discAt.get(place) ?? null, drawnAt.get(place) ?? null];
      const picture = pictureOf(wanted.regions, disc, region);
      if (!picture) continue;
      if (wanted.regions === 'automatic' && disc?.isPurged) {
        discsLeftOut.add('region-purged');
        continue;
      }
      const verdict = labelOf(wanted.labels, disc ?? undefined, region ?? undefined);
      if ('leftOut' in verdict) discsLeftOut.add(verdict.leftOut);
      else
        found.push({
          ...verdict,
          key: `${pseudonyms.case(row.caseId)}-${level}`,
          level,
          row,
          disc,
          drawn: region,
          labelSource: wanted.labels,
          picture,
        });
    }
  }
  return {
    discs: found,
    casesConsidered: cases.length,
    casesLeftOut: casesLeftOut.counts,
    discsLeftOut: discsLeftOut.counts,
  };
}

function pictureOf(
  regions: Sources['regions'],
  disc: ResearchDisc | null,
  drawn: ReaderRegion | null,
): LabelledDisc['picture'] | null {
  if (regions === 'reader') return drawn && { table: 'readerRegion', id: drawn.id, sha256: drawn.pngSha256 };
  return disc?.regionId ? { table: 'discRegion', id: disc.regionId, sha256: disc.pngSha256! } : null;
}

function at({ caseId, level }: { readonly caseId: string; readonly level: Level }): string {
  return `${caseId} ${level}`;
}

class Tally<K extends string> {
  readonly counts: Partial<Record<K, number>> = {};

  add(key: K): void {
    this.counts[key] = (this.counts[key] ?? 0) + 1;
  }
}

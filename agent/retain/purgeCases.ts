import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit, processActor } from '../../db/tables/audit.js';
import {
  dropRegionPictures,
  dropReportFiles,
  insertCasePurge,
  type PurgedWhat,
} from '../../db/tables/casePurges.js';
import { lockCase } from '../../db/tables/cases.js';
import { dropReadingPictures } from '../../db/tables/readings.js';
import { lockSeries } from '../../db/tables/series.js';
import { listOldCases, listOldReadings } from '../../db/views/purgeableCases.js';

export interface CasePurgeParts {
  readonly database: Pick<Database, 'knex'>;
  readonly days: number;
  /** Who says so, for the trail; absent: this process. */
  readonly actor?: string;
  readonly signal?: AbortSignal;
}

export interface PurgedPieces {
  readonly cases: number;
  /** Pictures, or files. */
  readonly pieces: number;
  readonly bytes: number;
  /** How many cases, and series of none, were old enough and stayed, by why. */
  readonly kept: Readonly<Record<string, number>>;
}

/** More in one go would keep a reader of the list waiting; what is left goes at the next look. */
const AT_ONCE = 10_000;

/** What is deleted, by policy: how it is listed, and how one goes while it is held. */
interface Kind {
  readonly isCase: boolean;
  list(tx: Tx, query: Query): Promise<readonly Old[]>;
  hold(trx: Tx, id: string): Promise<unknown>;
  drop(trx: Tx, old: Old, parts: CasePurgeParts): Promise<void>;
}

interface Old {
  readonly id: string;
  readonly revision: number | null;
  readonly pieces: number;
  readonly bytes: number;
  readonly keptBecause: string | null;
}

interface Query {
  readonly days: number;
  readonly limit: number;
  readonly only?: string;
}

const DROPS = { regions: dropRegionPictures, reports: dropReportFiles } as const;
const EVENTS = { regions: 'REGIONS_PURGED', reports: 'REPORTS_PURGED' } as const;

function casesWith(what: PurgedWhat): Kind {
  return {
    isCase: true,
    list: async (tx, query) =>
      (await listOldCases(tx, what, query)).map(({ caseId, ...each }) => ({ id: caseId, ...each })),
    hold: lockCase,
    async drop(trx, { id, revision, pieces, bytes }, { days, actor = processActor() }) {
      await DROPS[what](trx, id);
      await insertCasePurge(trx, { caseId: id, what, revision: revision!, days, actor });
      const detail = { revision, pieces, bytes, days };
      await appendAudit(trx, { event: EVENTS[what], subjectType: 'case', subjectId: id, actor, detail });
    },
  };
}

/** What was found in a series is its own until a case takes it: its pictures go by the same policy. */
const READINGS: Kind = {
  isCase: false,
  list: async (tx, query) =>
    (await listOldReadings(tx, query)).map(({ seriesInstanceUid, ...each }) => ({
      id: seriesInstanceUid,
      revision: null,
      ...each,
    })),
  hold: lockSeries,
  async drop(trx, { id, pieces, bytes }, { days, actor = processActor() }) {
    await dropReadingPictures(trx, id, days);
    const detail = { pieces, bytes, days };
    await appendAudit(trx, {
      event: 'REGIONS_PURGED',
      subjectType: 'series',
      subjectId: id,
      actor,
      detail,
    });
  },
};

const KINDS: Readonly<Record<PurgedWhat, readonly Kind[]>> = {
  regions: [casesWith('regions'), READINGS],
  reports: [casesWith('reports')],
};

/** What would go and what would stay. Changes nothing. */
export async function planCasePurge(
  what: PurgedWhat,
  { database, days }: CasePurgeParts,
): Promise<PurgedPieces> {
  const tally = new Tally();
  for (const kind of KINDS[what])
    for (const old of await kind.list(database.knex, { days, limit: AT_ONCE })) tally.add(kind, old);
  return tally.done();
}

/**
 * Deletes pictures of what was read, or files of reports, of cases that are done long enough and that nothing needs.
 * Each in a transaction of its own, with its event: a process that is killed has deleted some, and the next look the rest.
 */
export async function purgeCases(what: PurgedWhat, parts: CasePurgeParts): Promise<PurgedPieces> {
  const { database, days, signal } = parts;
  const tally = new Tally();
  for (const kind of KINDS[what])
    for (const old of await kind.list(database.knex, { days, limit: AT_ONCE })) {
      if (signal?.aborted) return tally.done();
      const now = old.keptBecause === null ? await purgeOne(kind, old.id, parts) : old;
      if (now) tally.add(kind, now);
    }
  return tally.done();
}

/** Looked at again while it is held. @returns null when there is nothing to delete any more */
async function purgeOne(kind: Kind, id: string, parts: CasePurgeParts): Promise<Old | null> {
  return parts.database.knex.transaction(async (trx) => {
    await kind.hold(trx, id);
    const [now] = await kind.list(trx, { days: parts.days, limit: 1, only: id });
    if (now?.keptBecause === null) await kind.drop(trx, now, parts);
    return now ?? null;
  });
}

class Tally {
  private readonly kept: Record<string, number> = {};
  private cases = 0;
  private pieces = 0;
  private bytes = 0;

  add({ isCase }: Kind, { keptBecause, pieces, bytes }: Old): void {
    if (keptBecause !== null) {
      this.kept[keptBecause] = (this.kept[keptBecause] ?? 0) + 1;
      return;
    }
    if (isCase) this.cases += 1;
    this.pieces += pieces;
    this.bytes += bytes;
  }

  done(): PurgedPieces {
    return { cases: this.cases, pieces: this.pieces, bytes: this.bytes, kept: this.kept };
  }
}

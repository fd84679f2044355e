import { randomUUID } from 'node:crypto';
import type { Level } from '../../agent/domain/levels.js';
import type { ReaderBox, ReaderVerdict } from '../../agent/domain/readerVerdicts.js';
import { json, type Tx } from '../server/knex.js';

/** A reader's word about one disc of one report: never the truth by itself. */
export interface ReaderVerdictRow {
  readonly id: string;
  readonly caseId: string;
  readonly reportId: string;
  /** 'page': an account of ours said it there, and no document says it. */
  readonly via: 'document' | 'page';
  /** The reader's document; of the page, what was said at once. */
  readonly sopInstanceUid: string;
  readonly datasetSha256: string;
  /** As our report names it; null: a box that is none of ours. */
  readonly disc: Level | null;
  readonly verdict: ReaderVerdict;
  /** Null where it cannot be told. */
  readonly answer: 'calcified' | 'not-calcified' | null;
  /** Where it is another than ours. */
  readonly level: Level | null;
  /** Where it is elsewhere. */
  readonly box: ReaderBox | null;
  readonly words: string;
  /** As the document names its observer, '' where it names nobody; of the page, the account. */
  readonly reader: string;
  readonly callingAe: string;
  readonly receivedAt: Date;
  readonly heardAt: Date;
}

export type NewReaderVerdict = Omit<ReaderVerdictRow, 'id' | 'heardAt' | 'via'> &
  Partial<Pick<ReaderVerdictRow, 'via'>>;

export async function insertVerdicts(trx: Tx, verdicts: readonly NewReaderVerdict[]): Promise<void> {
  if (verdicts.length === 0) return;
  await trx('readerVerdict').insert(
    verdicts.map((each) => ({ ...each, id: randomUUID(), box: each.box && json(each.box) })),
  );
}

/** The newest document first, its discs from above down. */
export function listVerdicts(tx: Tx, caseId: string): Promise<ReaderVerdictRow[]> {
  return tx('readerVerdict')
    .where({ caseId })
    .orderBy([{ column: 'receivedAt', order: 'desc' }, 'sopInstanceUid', 'disc'])
    .select('*');
}

/** The report that a reader's document speaks of. */
export async function findAnswered(tx: Tx, sopInstanceUid: string): Promise<string | null> {
  return (await tx('readerVerdict').where({ sopInstanceUid }).first('reportId'))?.reportId ?? null;
}

import type { Tx } from '../server/knex.js';

/** What of a case goes by a policy of its own: pictures of what was read, files of its reports. */
export type PurgedWhat = 'regions' | 'reports';

export interface CasePurgeRow {
  readonly caseId: string;
  readonly what: PurgedWhat;
  /** Of this revision and all before. */
  readonly revision: number;
  /** The policy: older than so many days. */
  readonly days: number;
  readonly actor: string;
  readonly purgedAt: Date;
}

export async function insertCasePurge(trx: Tx, row: Omit<CasePurgeRow, 'purgedAt'>): Promise<void> {
  // A reading's pictures may come back, and go again.
  await trx('casePurge').insert(row).onConflict(['caseId', 'what', 'revision']).ignore();
}

/** By which policy something of a revision went; null: it is here, or never was. */
export async function findCasePurge(
  tx: Tx,
  caseId: string,
  what: PurgedWhat,
  revision: number,
): Promise<CasePurgeRow | null> {
  const query = tx('casePurge').where({ caseId, what }).andWhere('revision', '>=', revision);
  return (await query.orderBy('revision').first('*')) ?? null;
}

/** Takes the pictures of what was read off a case: regions, heat maps, slices; hashes and answers stay. */
export async function dropRegionPictures(trx: Tx, caseId: string): Promise<void> {
  await trx('discRegion').where({ caseId }).whereNotNull('png').update({ png: null });
  await trx('inference')
    .whereIn('discRegionId', trx('discRegion').where({ caseId }).select('id'))
    .whereNotNull('cam')
    .update({ cam: null });
  await trx('localisation').where({ caseId }).whereNotNull('slicePng').update({ slicePng: null });
}

/** Takes the files of a case's reports, and messages as they were sent; hashes and what they said stay. */
export async function dropReportFiles(trx: Tx, caseId: string): Promise<void> {
  const reports = trx('report').where({ caseId }).select('id');
  await trx('report').where({ caseId }).whereNotNull('file').update({ file: null });
  await trx('reportObject').whereIn('reportId', reports).whereNotNull('fileGzip').update({ fileGzip: null });
  await trx('deliveryForm')
    .whereIn('deliveryId', trx('delivery').whereIn('reportId', reports).select('id'))
    .whereNotNull('message')
    .update({ message: null });
  await trx('notice').where({ caseId, state: 'stored' }).whereNotNull('message').update({ message: null });
}

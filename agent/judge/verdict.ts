import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findCase } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { insertVerdicts } from '../../db/tables/readerVerdicts.js';
import { findReport } from '../../db/tables/reports.js';
import { newUid } from '../dicom/uid.js';
import type { Answer } from '../domain/answers.js';
import { CalcidiscError } from '../domain/errors.js';
import { sha256 } from '../domain/hash.js';
import type { Level } from '../domain/levels.js';
import type { ReaderVerdict } from '../domain/readerVerdicts.js';

/** What a reader may say of a disc on the page. */
export const SAYINGS = {
  calcified: 'Calcified',
  'not-calcified': 'Not calcified',
  unsure: 'Cannot say',
} as const;

export type Saying = keyof typeof SAYINGS;

export interface JudgeDisc {
  readonly caseId: string;
  /** As the reader saw it: another one that came meanwhile is not what he spoke of. */
  readonly revision: number;
  readonly disc: Level;
  readonly says: Saying;
  /** What the disc is, where it is another than the report says. */
  readonly level: Level | null;
  readonly words: string;
  /** Name of the account, and as the trail has it. */
  readonly reader: string;
  readonly actor: string;
}

/**
 * A reader's word about one disc of the report, given on the page: kept beside those that come as documents, on the trail,
 * and nobody's truth by itself. In the caller's transaction.
 * @throws CalcidiscError CASE_NOT_FOUND; VERDICT_REFUSED where there is no report, another revision, or no such disc
 */
export async function judgeDisc(trx: Tx, said: JudgeDisc): Promise<void> {
  const { caseId, revision, disc, words, reader, actor } = said;
  const row = await findCase(trx, caseId);
  if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${caseId}`);
  if (row.revision !== revision)
    refuse(caseId, `the case is at revision ${row.revision} now: look at it again, then say`);
  const report = await findReport(trx, row.id, revision);
  if (!report) refuse(caseId, 'there is no report of this revision to speak of yet');
  const answers = await listInferences(trx, row.id, revision);
  const ours = answers.find(({ level, role }) => level === disc && role === 'active');
  if (!ours) refuse(caseId, `the report says nothing of ${disc}`);
  const { verdict, answer } = verdictOn(ours.answer, said.says);
  const level = said.level === disc ? null : said.level;
  const text = JSON.stringify([caseId, revision, disc, verdict, answer, level, words, reader]);
  await insertVerdicts(trx, [
    {
      caseId: row.id,
      reportId: report.id,
      via: 'page',
      sopInstanceUid: newUid(),
      datasetSha256: sha256(Buffer.from(text)),
      disc,
      verdict,
      answer,
      level,
      box: null,
      words,
      reader,
      callingAe: '',
      receivedAt: new Date(),
    },
  ]);
  await appendAudit(trx, {
    event: 'READER_JUDGED',
    subjectType: 'case',
    subjectId: row.id,
    actor,
    detail: { revision, disc, verdict, ...(answer && { answer }), ...(level && { level }) },
  });
}

/** Where we state nothing there is nothing to confirm or to reject, as with documents (agent/hear/verdict.ts). */
function verdictOn(
  ours: Answer,
  says: Saying,
): { readonly verdict: ReaderVerdict; readonly answer: 'calcified' | 'not-calcified' | null } {
  if (says === 'unsure') return { verdict: 'unclear', answer: null };
  const isStated = ours === 'calcified' || ours === 'not-calcified';
  return { verdict: !isStated ? 'unclear' : ours === says ? 'confirmed' : 'rejected', answer: says };
}

function refuse(id: string, why: string): never {
  throw new CalcidiscError('VERDICT_REFUSED', why, { id });
}

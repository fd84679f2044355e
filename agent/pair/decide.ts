import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { type CaseRow, lockCase, reviseCase, unparkCase } from '../../db/tables/cases.js';
import { insertIdentityDecision } from '../../db/tables/identityDecisions.js';
import { findPairing } from '../../db/tables/pairings.js';
import { findSeries } from '../../db/tables/series.js';
import { listIdentities } from '../../db/tables/studyIdentities.js';
import { hastenStep } from '../../db/work/steps.js';
import { CalcidiscError } from '../domain/errors.js';
import { isOnePerson } from '../domain/identity.js';
import type { WeighedCt } from '../domain/pairing.js';

/** What a person says of a doubt about whose images these are. */
export const IDENTITY_WORDS = {
  /** The images of the study, and the CTs that were held back, are of one patient. */
  'same-patient': 'a person said that it is the same patient',
  /** The CT that was paired or held back is of somebody else; a study that contradicts itself stays held. */
  'not-the-patient': 'a person said that it is not the same patient',
  /** A held case goes on as it stands, whoever it is. */
  release: 'a person released the case',
} as const;

export type IdentityWord = keyof typeof IDENTITY_WORDS;

export interface SayIdentity {
  readonly caseId: string;
  readonly word: IdentityWord;
  /** In the person's words. */
  readonly reason: string;
  /** 'user:anna' */
  readonly actor: string;
}

/**
 * A person decides; the case goes on accordingly, and the trail says who, what and why. In the caller's transaction.
 * @returns the case, to be woken
 * @throws CalcidiscError CASE_NOT_FOUND; CASE_NOT_PARKED for a release of a case that is not held; NOTHING_IN_DOUBT
 */
export async function sayIdentity(trx: Tx, said: SayIdentity): Promise<CaseRow> {
  const row = await lockCase(trx, said.caseId);
  if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${said.caseId}`);
  return said.word === 'release' ? release(trx, row, said) : decide(trx, row, said);
}

async function release(trx: Tx, row: CaseRow, said: SayIdentity): Promise<CaseRow> {
  if (row.state !== 'parked')
    throw new CalcidiscError('CASE_NOT_PARKED', `case ${row.id} is ${row.state}, not held`, { id: row.id });
  if (row.lastErrorCode === 'IDENTITY_DIFFERS')
    await write(trx, row, said, row.mrStudyInstanceUid, 'released');
  const again = await unparkCase(trx, { ...said, id: row.id });
  await audit(trx, row, said, row.lastErrorCode === 'IDENTITY_DIFFERS' ? 1 : 0);
  return again!;
}

async function decide(trx: Tx, row: CaseRow, said: SayIdentity): Promise<CaseRow> {
  const studies = await studiesInDoubt(trx, row, said.word);
  if (studies.length === 0)
    throw new CalcidiscError('NOTHING_IN_DOUBT', nothingInDoubt(said.word), { id: row.id });
  const verdict = said.word === 'same-patient' ? 'same' : 'different';
  for (const study of studies) await write(trx, row, said, study, verdict);
  const next = await goOn(trx, row, said, studies);
  await audit(trx, row, said, studies.length);
  return next;
}

function nothingInDoubt(word: IdentityWord): string {
  return word === 'same-patient'
    ? 'the images of the study name one patient, and no CT was held back for its identity'
    : 'the images of the study name one patient, and there is no CT that was paired or held back';
}

/** The MR's own study where it contradicts itself, and the studies of the CTs concerned. */
async function studiesInDoubt(trx: Tx, row: CaseRow, word: IdentityWord): Promise<string[]> {
  const studies = new Set<string>();
  if (!isOnePerson(await listIdentities(trx, row.mrStudyInstanceUid))) studies.add(row.mrStudyInstanceUid);
  const pairing = await findPairing(trx, row.id, row.revision);
  for (const { ctSeriesInstanceUid, verdict } of (pairing?.candidates ?? []) as readonly WeighedCt[]) {
    const isPaired = ctSeriesInstanceUid === pairing?.ctSeriesInstanceUid;
    const isConcerned = verdict === 'identity-differs' || (word === 'not-the-patient' && isPaired);
    const series = isConcerned && (await findSeries(trx, ctSeriesInstanceUid));
    if (series) studies.add(series.studyInstanceUid);
  }
  return [...studies].toSorted();
}

async function write(
  trx: Tx,
  { id, mrStudyInstanceUid }: CaseRow,
  { reason, actor }: SayIdentity,
  otherStudyInstanceUid: string,
  verdict: 'same' | 'different' | 'released',
): Promise<void> {
  const carried = await listIdentities(trx, otherStudyInstanceUid);
  await insertIdentityDecision(trx, {
    caseId: id,
    studyInstanceUid: mrStudyInstanceUid,
    otherStudyInstanceUid,
    verdict,
    identityIds: carried.map((each) => each.id),
    reason,
    decidedBy: actor,
  });
}

/** A study that is of several patients stays held; anything else is paired anew, as its next revision. */
async function goOn(
  trx: Tx,
  row: CaseRow,
  { word, actor }: SayIdentity,
  studies: readonly string[],
): Promise<CaseRow> {
  const isOwnStudy = studies.includes(row.mrStudyInstanceUid);
  if (word === 'not-the-patient' && isOwnStudy) return row;
  if (row.state === 'received') return (await hastenStep(trx, row.id)) ?? row;
  return (await reviseCase(trx, { id: row.id, reason: IDENTITY_WORDS[word], actor }))!;
}

/** Last: the chain's lock is held until the commit. */
function audit(trx: Tx, { id, revision }: CaseRow, said: SayIdentity, studies: number): Promise<void> {
  const { word, reason, actor } = said;
  return appendAudit(trx, {
    event: 'IDENTITY_DECIDED',
    subjectType: 'case',
    subjectId: id,
    detail: { word, reason, studies, revision },
    actor,
  });
}

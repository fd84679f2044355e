import { randomUUID } from 'node:crypto';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';

export interface ReadingStudyRow {
  readonly id: string;
  readonly name: string;
  readonly seed: number;
  readonly isStratified: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly closedAt: Date | null;
}

export interface ReadingItem {
  /** From 1; each reader meets them in an order of their own. */
  readonly number: number;
  readonly discRegionId: string;
  readonly caseId: string;
  readonly level: Level;
  readonly ct: boolean | null;
}

export interface ReadingReader {
  readonly accountId: string;
  readonly name: string;
}

export interface ReadingAnswer {
  readonly number: number;
  /** Null: what the readers agreed on together. */
  readonly accountId: string | null;
  readonly calcified: boolean;
  /** 1 a guess, 5 certain. */
  readonly confidence: number;
  readonly answeredBy: string;
  readonly answeredAt: Date;
}

export interface ReadingStudy extends ReadingStudyRow {
  readonly items: readonly ReadingItem[];
  readonly readers: readonly ReadingReader[];
  readonly answers: readonly ReadingAnswer[];
}

/** Which discs a study is chosen from: those with a region and a CT that says yes or no. */
export interface ReadingChoice {
  readonly discs: number;
  readonly seed: number;
  /** As many calcified as not by the CT, as far as there are. */
  readonly isStratified: boolean;
  /** 'YYYY-MM-DD' of the MR, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly site?: string | undefined;
}

export interface NewReadingStudy extends ReadingChoice {
  readonly name: string;
  readonly readers: readonly ReadingReader[];
  readonly actor: string;
}

/** Chance by the seed alone: the same seed over the same discs is the same choice. */
const CHOSEN = `
  WITH candidates AS (
    SELECT DISTINCT r.id AS disc_region_id, r.case_id, r.level, q.ct, md5(:seed::text || r.id::text) AS lot
      FROM quality_disc q JOIN "case" c ON c.id = q.case_id
      JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision AND r.level = q.level
     WHERE q.role = 'active' AND q.ct IS NOT NULL AND r.png IS NOT NULL AND (:from::date IS NULL OR q.mr_date >= :from::date)
       AND (:to::date IS NULL OR q.mr_date <= :to::date) AND (:site::text IS NULL OR q.site = :site)),
  ranked AS (SELECT *, row_number() OVER (PARTITION BY ct ORDER BY lot) AS place FROM candidates)
  SELECT disc_region_id, case_id, level, ct FROM ranked
   ORDER BY CASE WHEN :isStratified THEN place END, lot LIMIT :discs`;

/** @returns null where another study has that name; with no items where nothing can be chosen: then there is none */
export async function createReadingStudy(
  tx: Tx,
  asked: NewReadingStudy,
): Promise<{ id: string; items: number } | null> {
  return tx.transaction(async (trx) => {
    const { name, seed, isStratified, actor, readers, discs } = asked;
    const values = { from: null, to: null, site: null, ...defined(asked), seed, isStratified, discs };
    const { rows } = await trx.raw(CHOSEN, values);
    if (rows.length === 0) return { id: '', items: 0 };
    const id = randomUUID();
    const [row] = await trx('readingStudy')
      .insert({ id, name, seed, isStratified, createdBy: actor })
      .onConflict('name')
      .ignore()
      .returning('id');
    if (!row) return null;
    await trx('readingItem').insert(
      rows.map((item: Omit<ReadingItem, 'number'>, i: number) => ({ ...item, studyId: id, number: i + 1 })),
    );
    await trx('readingReader').insert(
      readers.map(({ accountId, name: who }) => ({ studyId: id, accountId, name: who })),
    );
    const detail = {
      name,
      seed,
      items: rows.length,
      isStratified,
      readers: readers.map((each) => each.name),
    };
    await appendAudit(trx, {
      event: 'READING_STUDY_CREATED',
      subjectType: 'reading-study',
      subjectId: id,
      actor,
      detail,
    });
    return { id, items: rows.length };
  });
}

function defined({ from, to, site }: ReadingChoice) {
  return Object.fromEntries(Object.entries({ from, to, site }).filter(([, value]) => value !== undefined));
}

export function listReadingStudies(tx: Tx): Promise<ReadingStudyRow[]> {
  return tx('readingStudy').orderBy('createdAt', 'desc').select('*');
}

/** @param idOrName @returns null where there is none */
export async function readReadingStudy(tx: Tx, idOrName: string): Promise<ReadingStudy | null> {
  const isId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(idOrName);
  const row: ReadingStudyRow | undefined = await tx('readingStudy')
    .where(isId ? { id: idOrName } : { name: idOrName })
    .first('*');
  if (!row) return null;
  const studyId = row.id;
  return {
    ...row,
    items: await tx('readingItem').where({ studyId }).orderBy('number').select('*'),
    readers: await tx('readingReader').where({ studyId }).orderBy('name').select('accountId', 'name'),
    answers: await tx('readingAnswer').where({ studyId }).orderBy('number').select('*'),
  };
}

export type NewReadingAnswer = Omit<ReadingAnswer, 'answeredAt'> & { readonly studyId: string };

/** An answer, or another in its place; none once the study is closed. @returns whether it was taken */
export async function answerReading(tx: Tx, answer: NewReadingAnswer): Promise<boolean> {
  return tx.transaction(async (trx) => {
    const { studyId, number, accountId, calcified, confidence, answeredBy } = answer;
    const open = await trx('readingStudy')
      .where({ id: studyId })
      .whereNull('closedAt')
      .forShare()
      .first('id');
    if (!open) return false;
    await trx('readingAnswer')
      .insert({ studyId, number, accountId, calcified, confidence, answeredBy })
      .onConflict(['studyId', 'number', 'accountId'])
      .merge({ calcified, confidence, answeredBy, answeredAt: trx.raw('clock_timestamp()') });
    const detail = { number, calcified, confidence, ...(accountId === null && { consensus: true }) };
    await appendAudit(trx, {
      event: 'READING_ANSWERED',
      subjectType: 'reading-study',
      subjectId: studyId,
      actor: answeredBy,
      detail,
    });
    return true;
  });
}

export async function closeReadingStudy(tx: Tx, id: string, actor: string): Promise<void> {
  await tx.transaction(async (trx) => {
    const closed = await trx('readingStudy')
      .where({ id })
      .whereNull('closedAt')
      .update({ closedAt: trx.raw('clock_timestamp()') });
    if (closed > 0)
      await appendAudit(trx, {
        event: 'READING_STUDY_CLOSED',
        subjectType: 'reading-study',
        subjectId: id,
        actor,
      });
  });
}

/** What a reader sees of an item, and nothing else. */
export async function readingPicture(tx: Tx, studyId: string, number: number): Promise<Uint8Array | null> {
  const row = await tx('readingItem as i')
    .join('discRegion as r', 'r.id', 'i.discRegionId')
    .where({ 'i.studyId': studyId, 'i.number': number })
    .first('r.png');
  return row?.png ?? null;
}

/** A model's answer on a study's items. */
export interface ReadingScore {
  readonly number: number;
  /** name@version */
  readonly model: string;
  readonly role: 'active' | 'shadow';
  readonly probability: number;
  readonly calcified: boolean | null;
}

export async function listReadingScores(tx: Tx, studyId: string): Promise<ReadingScore[]> {
  const { rows } = await tx.raw(
    `SELECT t.number, m.name || '@' || m.version AS model, i.role, i.probability, i.calcified
       FROM reading_item t JOIN inference i ON i.disc_region_id = t.disc_region_id JOIN model m ON m.id = i.model_id
      WHERE t.study_id = ? ORDER BY i.role, model, t.number`,
    [studyId],
  );
  return rows;
}

/** Who the items are of, for an export without names. */
export async function listReadingPeople(
  tx: Tx,
  studyId: string,
): Promise<{ number: number; patientId: string; age: number | null; sex: string; png: Uint8Array | null }[]> {
  const { rows } = await tx.raw(
    `SELECT t.number, e.patient_id, e.age, e.sex, r.png FROM reading_item t
       JOIN disc_region r ON r.id = t.disc_region_id JOIN worklist_entry e ON e.case_id = t.case_id
      WHERE t.study_id = ? ORDER BY t.number`,
    [studyId],
  );
  return rows;
}

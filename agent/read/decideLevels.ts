import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { type CaseRow, lockCase, reviseCase } from '../../db/tables/cases.js';
import { findChoice } from '../../db/tables/choices.js';
import { findLevelDecision, insertLevelDecision } from '../../db/tables/levelDecisions.js';
import { listReadRegions } from '../../db/tables/readings.js';
import { CalcidiscError } from '../domain/errors.js';
import { LEVEL_TABLE, LEVELS, type Level } from '../domain/levels.js';

export interface SayLevels {
  readonly caseId: string;
  /** A disc as the case shows it now, and what it is. */
  readonly drawn: Level;
  readonly level: Level;
  readonly reason: string;
  /** 'user:anna' */
  readonly actor: string;
}

const order = (level: Level) => LEVEL_TABLE[level].order;

function moved(level: Level, by: number): Level | undefined {
  return LEVELS.find((each) => order(each) === order(level) + by);
}

/**
 * A person names the levels of the series that is read; the case goes through once more by that, as its next revision, and
 * the trail says who, what and why. In the caller's transaction.
 * @throws CalcidiscError CASE_NOT_FOUND; NOTHING_TO_NAME when no disc is drawn as that
 */
export async function sayLevels(trx: Tx, said: SayLevels): Promise<CaseRow> {
  const { caseId: id, drawn, level, reason, actor } = said;
  const row = await lockCase(trx, id);
  if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${id}`);
  const choice = await findChoice(trx, id, row.revision);
  const regions = choice ? await listReadRegions(trx, choice.readingId) : [];
  // A person names what the case shows, which an earlier word may have moved.
  const before = choice && (await findLevelDecision(trx, choice.readingId));
  const shown = (read: Level) => moved(read, before ? order(before.level) - order(before.drawn) : 0);
  const read = regions.map((region) => region.level).find((each) => shown(each) === drawn);
  if (!choice || !read) {
    const there = regions.flatMap((region) => shown(region.level) ?? []).join(', ') || 'none yet';
    throw new CalcidiscError('NOTHING_TO_NAME', `no disc is drawn as ${drawn}; there is ${there}`, { id });
  }
  await insertLevelDecision(trx, {
    caseId: id,
    readingId: choice.readingId,
    drawn: read,
    level,
    reason,
    decidedBy: actor,
  });
  const next = await reviseCase(trx, { id, reason: 'a person named the levels', actor });
  await appendAudit(trx, {
    event: 'LEVELS_DECIDED',
    subjectType: 'case',
    subjectId: id,
    detail: {
      shownAs: drawn,
      drawn: read,
      level,
      reason,
      revision: row.revision,
      readingId: choice.readingId,
    },
    actor,
  });
  return next!;
}

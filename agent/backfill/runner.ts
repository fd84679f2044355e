import { appendAudit } from '../../db/tables/audit.js';
import { type BackfillStudyRow, claimBackfillStudy } from '../../db/tables/backfillStudies.js';
import {
  type BackfillRow,
  claimSearch,
  endBackfills,
  isAnyBackfillOpen,
  noteWaiting,
} from '../../db/tables/backfills.js';
import { countLiveWork, countUnderWay, type LiveWork, settleStudies } from '../../db/views/backfilled.js';
import { type WorkingOff, workOff } from '../../db/work/workOff.js';
import { compilePriorRule } from '../query/rule.js';
import type { BackfillParts } from './context.js';
import { fetchStudy } from './fetchStudy.js';
import { searchOn } from './search.js';

type Due =
  | { readonly kind: 'search'; readonly row: BackfillRow }
  | { readonly kind: 'study'; readonly row: BackfillStudyRow };

const TICK_MS = 1_000;
/** Images that came within so long are still arriving. */
const ARRIVING_MS = 3_000;
/** A study that has not come to rest holds its place among those under way for so long, */
const IN_HAND_MS = 30 * 60_000;
/** and is given up after so long. */
const REST_WITHIN_MS = 24 * 3_600_000;

/**
 * Works off backfills: searches their days, and has studies sent while no live work waits and no more than a few of
 * theirs are under way. The rows are the truth: a process that is killed has its studies taken over, and what was sent
 * for already is not sent for again.
 * @throws ConfigError when query.priors.rule is no CEL expression
 */
export function openBackfills(parts: BackfillParts): WorkingOff {
  const { config, database, log } = parts;
  const fits = compilePriorRule(config.query.priors.rule);
  return workOff<Due>({
    // One search beside the studies.
    atOnce: config.query.backfill.atOnce + 1,
    tickMs: TICK_MS,
    claim: (inHand) => claim(parts, inHand),
    work: ({ kind, row }, signal) => {
      const context = { ...parts, fits, signal };
      return kind === 'search' ? searchOn(context, row) : fetchStudy(context, row);
    },
    unreadable: (error) => log.warn({ err: error }, 'the studies of a backfill could not be read'),
  });

  async function claim(own: BackfillParts, inHand: readonly Due[]): Promise<Due | null> {
    const { knex } = database;
    if (!(await isAnyBackfillOpen(knex))) return null;
    await settle(own);
    const running = (kind: Due['kind']) =>
      inHand.filter((each) => each.kind === kind).map(({ row }) => row.id);
    if (running('search').length === 0) {
      const search = await claimSearch(knex, []);
      if (search) return { kind: 'search', row: search };
    }
    const waitingFor = await wait(own, running('study'));
    await noteWaiting(knex, waitingFor);
    if (waitingFor !== null) return null;
    const study = await claimBackfillStudy(knex, running('study'));
    return study && { kind: 'study', row: study };
  }
}

/** What has come to rest, and what has ended. */
async function settle({ database, log }: BackfillParts): Promise<void> {
  await database.knex.transaction((trx) => settleStudies(trx, REST_WITHIN_MS));
  const ended = await database.knex.transaction(async (trx) => {
    const rows = await endBackfills(trx);
    for (const { id, source } of rows)
      await appendAudit(trx, {
        event: 'BACKFILL_DONE',
        subjectType: 'backfill',
        subjectId: id,
        detail: { source },
      });
    return rows;
  });
  for (const { id, source } of ended) log.info({ backfill: id, source }, 'a backfill is done');
}

/** Why no further study is sent for now; null where nothing speaks against it. */
async function wait(
  { config, database, refusal }: BackfillParts,
  running: readonly string[],
): Promise<string | null> {
  const refused = refusal();
  if (refused) return `room: images are refused (${refused})`;
  const live = liveInWords(await countLiveWork(database.knex, ARRIVING_MS));
  if (live) return `live work: ${live}`;
  const underWay = await countUnderWay(database.knex, IN_HAND_MS, running);
  return underWay >= config.query.backfill.atOnce ? `${underWay} of its studies that are being read` : null;
}

function liveInWords({ cases, readings, arriving }: LiveWork): string {
  return [
    cases > 0 && `${cases} cases`,
    readings > 0 && `${readings} series to be read`,
    arriving > 0 && `${arriving} series arriving`,
  ]
    .filter(Boolean)
    .join(', ');
}

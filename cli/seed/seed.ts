import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { insertRows, withoutTriggers } from '../../db/tables/bulk.js';
import { appendInvented, type InventedEvent } from '../../db/tables/inventedTrail.js';
import { changeModel, listModels, type ModelRow, modelsAtWork } from '../../db/tables/models.js';
import { refreshWorklist, WORKLIST_TRIGGERS } from '../../db/views/worklist.js';
import { latestOf } from '../../models/catalogue/defaultClassifier.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { cardOf, registerHostModels } from '../../models/catalogue/registry.js';
import { openIds } from './ids.js';
import { peopleOf } from './people.js';
import { drawPictures } from './pictures.js';
import { reportsOf } from './reports.js';
import { rowsOf } from './rows.js';
import { type RowContext, SEED_TABLES, type SeedModel } from './rowTypes.js';
import { inventStudies, type SeededStudy } from './studies.js';
import { dayAfter, SEED_BLUR, SEED_DAYS, SEED_DRIFT, SEED_SCANNERS } from './truth.js';

export interface SeedOptions {
  readonly studies: number;
  readonly seed: number;
  /** 'YYYY-MM-DD': the last of SEED_DAYS days. */
  readonly until: string;
  /** How many of the newest studies have a Structured Report of their own. */
  readonly reports: number;
  /** With written reports, verdicts, and a trail of who looked. */
  readonly people?: boolean;
  readonly actor: string;
  readonly progress?: (done: number) => void;
}

/** What was built in: what whoever looks has to find. */
export interface SeedTruth {
  readonly studies: number;
  readonly discs: number;
  readonly calcifiedDiscs: number;
  readonly days: readonly [first: string, last: string];
  readonly scanners: readonly {
    readonly site: string;
    readonly scanner: string;
    readonly from: string;
    readonly studies: number;
  }[];
  readonly drift: { readonly scanner: string; readonly from: string; readonly what: string };
  readonly blur: { readonly scanner: string; readonly from: string; readonly what: string };
  readonly badScanner: string;
  readonly newScanner: { readonly scanner: string; readonly from: string };
}

const AT_ONCE = 500;

/**
 * Fills an empty database with invented studies, all in the state they would end in; all or none.
 * @throws CalcidiscError SEED_REFUSED where there is a case already: nothing invented may stand beside something real
 */
export async function seedDatabase(
  knex: Tx,
  config: Pick<Config, 'dataDir' | 'http'>,
  log: Logger,
  options: SeedOptions,
): Promise<SeedTruth> {
  if (await knex('study').first('studyInstanceUid'))
    throw new CalcidiscError(
      'SEED_REFUSED',
      'there are studies in this database: invented ones go into a database of their own (CALCIDISC_DATA=./seeded, or another DATABASE_URL)',
    );
  const models = await settleModels(knex, config, log);
  const firstDay = dayAfter(options.until, 1 - SEED_DAYS);
  const localiserRow = latestOf(await listModels(knex, { kind: 'localiser' }));
  const { name, version, sha256 } = localiserRow ?? {
    name: 'localiser',
    version: '0',
    sha256: '0'.repeat(64),
  };
  const context: RowContext = {
    ids: openIds(options.seed),
    firstDay,
    models,
    localiser: { name, version, sha256 },
    pictures: await drawPictures(),
  };
  const studies = inventStudies({ ...options, models: models.length });
  await knex.transaction((trx) =>
    withoutTriggers(trx, WORKLIST_TRIGGERS, () => fill(trx, context, studies, options)),
  );
  await knex.raw('ANALYZE');
  return truthOf(studies, firstDay);
}

async function fill(
  trx: Tx,
  context: RowContext,
  studies: readonly SeededStudy[],
  { reports, people: hasPeople = false, actor, seed, progress }: SeedOptions,
): Promise<void> {
  const firstOwn = studies.length - reports;
  const shared = {};
  const trail: InventedEvent[] = [];
  for (let from = 0; from < studies.length; from += AT_ONCE) {
    const some = studies.slice(from, from + AT_ONCE);
    const rows = rowsOf(context, some);
    for (const table of SEED_TABLES) await insertRows(trx, table, rows[table]);
    const made = reportsOf(context, some, rows, ({ number }) => number >= firstOwn, shared);
    const { trail: looks, ...said } = peopleOf(context, hasPeople ? some : []);
    for (const [table, each] of Object.entries({ ...made, ...said })) await insertRows(trx, table, each);
    trail.push(...looks);
    await refreshWorklist(
      trx,
      rows.case.map(({ id }) => String(id)),
    );
    progress?.(from + some.length);
  }
  await appendInvented(trx, trail);
  await appendAudit(trx, {
    event: 'DATABASE_SEEDED',
    subjectType: 'database',
    subjectId: 'seeded',
    actor,
    detail: { studies: studies.length, seed },
  });
}

/** The deciding one first, then the newest of each other name, all at work. */
async function settleModels(knex: Tx, config: Pick<Config, 'dataDir'>, log: Logger): Promise<SeedModel[]> {
  await registerHostModels(knex, modelFoldersOf(config), log);
  const classifiers = await listModels(knex, { kind: 'classifier' });
  const active = classifiers.find(({ state }) => state === 'active');
  if (!active)
    throw new CalcidiscError('MODEL_MISSING', 'no classifier decides here: calcidisc model activate NAME');
  const others = [...new Set(classifiers.map(({ name }) => name))].filter((name) => name !== active.name);
  for (const name of others) {
    const newest = latestOf(classifiers.filter((row) => row.name === name));
    if (newest && newest.state !== 'shadow') await changeModel(knex, { id: newest.id, to: 'shadow' });
  }
  const atWork = await modelsAtWork(knex);
  const first = ({ state }: ModelRow) => (state === 'active' ? 0 : 1);
  return atWork
    .toSorted((a, b) => first(a) - first(b))
    .map((row) => ({ row, threshold: Math.fround(cardOf(row).threshold) }));
}

function truthOf(studies: readonly SeededStudy[], firstDay: string): SeedTruth {
  const discs = studies.flatMap((study) => (study.end === 'delivered' ? study.discs : []));
  const newest = SEED_SCANNERS.find(({ from }) => from > 0)!;
  return {
    studies: studies.length,
    discs: discs.length,
    calcifiedDiscs: discs.filter(({ isCalcified }) => isCalcified).length,
    days: [firstDay, dayAfter(firstDay, SEED_DAYS - 1)],
    scanners: SEED_SCANNERS.map(({ site, station, from }) => ({
      site,
      scanner: station,
      from: dayAfter(firstDay, from),
      studies: studies.filter(({ scanner }) => scanner.station === station).length,
    })),
    drift: {
      scanner: SEED_DRIFT.station,
      from: dayAfter(firstDay, SEED_DRIFT.day),
      what: `the deciding model's logit + ${SEED_DRIFT.active}, the others' + ${SEED_DRIFT.shadow}`,
    },
    blur: {
      scanner: SEED_BLUR.station,
      from: dayAfter(firstDay, SEED_BLUR.day),
      what: `the regions' sharpness × ${SEED_BLUR.sharpness}`,
    },
    badScanner: SEED_SCANNERS.find(({ separation }) => separation < 1)!.station,
    newScanner: { scanner: newest.station, from: dayAfter(firstDay, newest.from) },
  };
}

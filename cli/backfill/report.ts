import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appendAudit } from '../../db/tables/audit.js';
import type { Acceptance } from '../../models/acceptance/acceptance.js';
import { acceptanceDocument } from '../../models/acceptance/document.js';
import { parseReference } from '../../models/catalogue/card.js';
import { resolveModel } from '../../models/catalogue/registry.js';
import { commandActor } from '../actor.js';
import type { OpenedDatabase } from '../database.js';
import { showProgress } from '../progress.js';
import { namedBackfill } from './progress.js';

export interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
  /** NAME or NAME@VERSION: its answers, whatever its role was. */
  readonly model?: string;
}

export interface WrittenReport {
  readonly folder: string;
  readonly acceptance: Acceptance;
}

/**
 * Writes acceptance.html and acceptance.json; with days, of every case whose MR is of them, whatever brought it; else of
 * a backfill's studies.
 * @throws CalcidiscError BACKFILL_NOT_FOUND, MODEL_MISSING
 */
export async function writeAcceptance(
  { config, database: { knex } }: OpenedDatabase,
  id: string | undefined,
  { from, to, out, model }: ReportOptions,
  isForMachine: boolean,
): Promise<WrittenReport> {
  const isByDays = id === undefined && (from !== undefined || to !== undefined);
  const backfill = isByDays ? null : await namedBackfill(knex, id);
  const row = model === undefined ? null : await resolveModel(knex, parseReference(model));
  const scope = {
    backfillId: backfill?.id ?? null,
    from: from ?? null,
    to: to ?? null,
    modelId: row?.id ?? null,
  };
  const progress = showProgress(null, 'cases', isForMachine);
  const tell = (done: number) => progress.at(done);
  const { acceptance, page } = await acceptanceDocument(
    { knex, dataDir: config.dataDir, tell },
    { scope, backfill, model: row && `${row.name}@${row.version}` },
  ).finally(() => progress.end());
  const folder = out ?? `acceptance-${backfill?.id.slice(0, 8) ?? [from, to].filter(Boolean).join('-')}`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'acceptance.html'), page);
  await writeFile(join(folder, 'acceptance.json'), `${JSON.stringify(withoutPeople(acceptance), null, 1)}\n`);
  await appendAudit(knex, {
    event: 'CASES_QUERIED',
    subjectType: 'case',
    subjectId: 'calcidisc backfill report',
    actor: commandActor(),
    detail: { ...scope, found: acceptance.cases.all },
  });
  return { folder, acceptance };
}

/** Of a disc that is shown: which, and what was said; not whose. */
export function withoutPeople({ agreements, disagreements, ...rest }: Acceptance) {
  const short = (discs: Acceptance['agreements']) =>
    discs.map(({ caseId, level, answer, probability, threshold, model, ctLabel, meanHu, maxHu }) => ({
      caseId,
      level,
      answer,
      probability,
      threshold,
      model,
      ctLabel,
      meanHu,
      maxHu,
    }));
  return { ...rest, agreements: short(agreements), disagreements: short(disagreements) };
}

/** For whoever asked on the command line. */
export function reportLines({ folder, acceptance }: WrittenReport): string[] {
  const { all, cases } = acceptance;
  const { truePositive, trueNegative } = all.performance;
  return [
    `Acceptance report: ${join(folder, 'acceptance.html')} (and acceptance.json)`,
    `  ${cases.all} cases, ${cases.compared} compared with CT; model and CT agree on ${truePositive + trueNegative} of ${all.compared} discs`,
  ];
}

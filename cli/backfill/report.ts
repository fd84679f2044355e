import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appendAudit } from '../../db/tables/audit.js';
import { type Acceptance, acceptanceOf } from '../../models/acceptance/acceptance.js';
import { acceptancePage } from '../../models/acceptance/page.js';
import { discFigures } from '../../models/acceptance/pictures.js';
import { commandActor } from '../actor.js';
import type { OpenedDatabase } from '../database.js';
import { showProgress } from '../progress.js';
import { namedBackfill } from './progress.js';

export interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

export interface WrittenReport {
  readonly folder: string;
  readonly acceptance: Acceptance;
}

/**
 * Writes acceptance.html and acceptance.json; with days, of every case whose MR is of them, whatever brought it; else of
 * a backfill's studies.
 * @throws CalcidiscError BACKFILL_NOT_FOUND
 */
export async function writeAcceptance(
  { config, database: { knex } }: OpenedDatabase,
  id: string | undefined,
  { from, to, out }: ReportOptions,
  isForMachine: boolean,
): Promise<WrittenReport> {
  const isByDays = id === undefined && (from !== undefined || to !== undefined);
  const backfill = isByDays ? null : await namedBackfill(knex, id);
  const scope = { backfillId: backfill?.id ?? null, from: from ?? null, to: to ?? null };
  const progress = showProgress(null, 'cases', isForMachine);
  const tell = (done: number) => progress.at(done);
  const acceptance = await acceptanceOf({ knex, dataDir: config.dataDir, tell }, scope, backfill).finally(
    () => progress.end(),
  );
  const folder = out ?? `acceptance-${backfill?.id.slice(0, 8) ?? [from, to].filter(Boolean).join('-')}`;
  const pictures = {
    agreements: await discFigures(knex, acceptance.agreements),
    disagreements: await discFigures(knex, acceptance.disagreements),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'acceptance.html'), acceptancePage(acceptance, pictures));
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

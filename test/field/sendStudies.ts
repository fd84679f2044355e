import { storeFiles } from '../../agent/deliver/scu.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { forRun, patientOfRun, type Sending, type SiteStudy } from './siteStudies.js';

/** What became of one study that was sent in one order. */
export interface StudyAnswer {
  readonly study: string;
  readonly order: number;
  readonly reports: number;
  readonly read: string;
  readonly ct: string | null;
  readonly status: string | null;
  readonly accession: string;
  readonly calcified: readonly string[];
  readonly ctLabels: readonly string[];
  /** Not as expected, in words; [] when all is right. */
  readonly wrong: readonly string[];
}

/** As a site has it, but for the waiting: a test does not sit still for half a minute. */
export function studiesConfig(
  dataDir: string,
  pacs: { aeTitle: string; port: number },
  databaseUrl?: string,
) {
  const input: ConfigInput = {
    dataDir,
    ...(databaseUrl ? { database: { url: databaseUrl } } : {}),
    log: { level: 'error' },
    dicom: { port: 0, maxAssociations: 128 },
    http: { port: 0 },
    queue: { sweepMs: 1_000 },
    assemble: {
      studyQuietMs: 8_000,
      studyEarlyMs: 1_000,
      quietPeriodMs: 15_000,
      manyAssociationsGraceMs: 3_000,
    },
    route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
  };
  return parseConfig(input);
}

/** A permutation by seed; what comes last by its nature stays last. */
export function inOrder(sendings: readonly Sending[], seed: number): Sending[] {
  const random = generator(seed);
  const free = sendings.filter(({ isLast }) => !isLast);
  for (let i = free.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [free[i], free[j]] = [free[j]!, free[i]!];
  }
  return [...free, ...sendings.filter(({ isLast }) => isLast)].map((sending) => ({
    ...sending,
    // Within a sending too: a PACS has an order of its own.
    files: shuffled(sending.files, random),
  }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => [random(), item] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item);
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function sendStudy(study: SiteStudy, order: number, run: number, port: number): Promise<void> {
  for (const { files, callingAe, isOneByOne } of inOrder(study.sendings, 1_000 * order + study.name.length)) {
    const own = files.map((file) => forRun(file, run));
    const groups = isOneByOne ? own.map((file) => [file]) : [own];
    for (const group of groups) {
      const results = await storeFiles({
        host: '127.0.0.1',
        port,
        calledAe: 'CALCIDISC',
        callingAe,
        files: group,
      });
      const refused = results.find(({ isStored }) => !isStored);
      if (refused) throw refused.error ?? new Error(`refused with ${refused.status}`);
    }
  }
}

/** Waits until the study's case has been delivered and nothing more comes of it. */
export async function answerOf(
  { knex }: Pick<Database, 'knex'>,
  study: SiteStudy,
  order: number,
  run: number,
  { settledForMs, limitMs }: { settledForMs: number; limitMs: number },
): Promise<StudyAnswer> {
  let since = Date.now();
  let last = '';
  for (const begin = Date.now(); Date.now() - begin < limitMs; ) {
    const view = await viewOf(knex, patientOfRun(study.name, run));
    const now = JSON.stringify([view?.case.state, view?.case.revision, view?.reports.length]);
    if (now !== last) [last, since] = [now, Date.now()];
    const isDone = view?.case.state === 'delivered' || view?.case.state === 'parked';
    if (view && isDone && Date.now() - since > settledForMs) return judged(study, order, view);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const view = await viewOf(knex, patientOfRun(study.name, run));
  const state = view ? `${view.case.state}, ${view.case.waitingFor ?? ''}` : 'no case';
  return { ...judged(study, order, view), wrong: [`not done in ${limitMs / 1000} s: ${state}`] };
}

async function viewOf(knex: Database['knex'], patientId: string): Promise<CaseView | null> {
  const row = await knex('case')
    .join('study', 'study.studyInstanceUid', 'case.mrStudyInstanceUid')
    .where({ 'study.patientId': patientId })
    .first('case.id');
  return row ? readCaseView(knex, row.id) : null;
}

function judged(study: SiteStudy, order: number, view: CaseView | null): StudyAnswer {
  const answer = {
    study: study.name,
    order,
    reports: view?.reports.length ?? 0,
    read: view?.mrSeries.seriesDescription ?? '',
    ct: view?.ctSeries?.seriesDescription ?? null,
    status: view?.mr?.status ?? null,
    accession: view?.study.accessionNumber ?? '',
    calcified: (view?.inferences ?? [])
      .filter(({ role, calcified }) => role === 'active' && calcified)
      .map(({ level }) => level),
    ctLabels: (view?.measurements ?? []).map(({ level, label }) => `${level} ${label}`),
  };
  return { ...answer, wrong: faults(study, answer, view) };
}

function faults(
  { expected }: SiteStudy,
  answer: Omit<StudyAnswer, 'wrong'>,
  view: CaseView | null,
): string[] {
  const images = (view?.regions ?? []).map(({ sopInstanceUid }) => sopInstanceUid);
  const elsewhere = images.filter((uid) => expected.images && !expected.images.test(uid));
  return [
    ...(view?.case.state === 'delivered' ? [] : [`${view?.case.state}: ${view?.case.lastError}`]),
    ...(answer.reports >= 1 && answer.reports <= 2 ? [] : [`${answer.reports} reports`]),
    ...(answer.read === expected.read ? [] : [`read "${answer.read}", not "${expected.read}"`]),
    ...(answer.ct === expected.ct ? [] : [`measured "${answer.ct}", not "${expected.ct}"`]),
    ...(answer.status === 'located' ? [] : [`levels ${answer.status}`]),
    ...(answer.accession === expected.accession ? [] : [`accession ${answer.accession}`]),
    ...(elsewhere.length === 0 ? [] : [`read from ${elsewhere.length} pictures of the other kind`]),
  ];
}

/** What has to be the same whatever the order. */
export function sameAnswer({ read, ct, status, accession, calcified, ctLabels }: StudyAnswer): string {
  return JSON.stringify({ read, ct, status, accession, calcified: [...calcified].sort(), ctLabels });
}

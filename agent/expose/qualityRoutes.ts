import type { FastifyInstance } from 'fastify';
import type { Database } from '../../db/server/database.js';
import { acknowledgeAlarm } from '../../db/tables/qualityAcknowledgements.js';
import { countWritten } from '../../db/tables/writtenReports.js';
import {
  listJudged,
  listResults,
  listUnstatedReasons,
  type QualityFilter,
  readCoverage,
} from '../../db/views/quality.js';
import type { Truth } from '../../db/views/qualityDiscs.js';
import { countFacets } from '../../db/views/worklistCounts.js';
import { may } from '../domain/access.js';
import { agreementBy, agreementByModel, GROUPINGS, type Grouping } from '../quality/agreement.js';
import { ALL, readWatch, type Watch } from '../quality/watch.js';
import type { Looks } from './looks.js';
import { described } from './openApi.js';
import { qualityPage } from './pages/quality.js';
import { openAlarms, watchPage } from './pages/watch.js';
import { AgreementQuery, AlarmForm, NotFound, parseQuery, ResultPageQuery, WatchQuery } from './query.js';
import { AlarmList, QualityAnswer, ResultList } from './schemas.js';
import type { SendPage } from './types.js';

export interface QualityParts {
  readonly database: Pick<Database, 'knex'>;
  readonly looks: Looks;
  /** As a page of the console. */
  readonly send: SendPage;
}

const DOCS = {
  quality: described({
    summary: "Agreement with the CT, readers' verdicts or written reports, by model and group",
    querystring: AgreementQuery,
    answer: QualityAnswer,
  }),
  alarms: described({ summary: 'Alarms of the control charts, the newest first', answer: AlarmList }),
  results: described({
    summary: 'Results by case, disc and model; whole cases a page',
    querystring: ResultPageQuery,
    answer: ResultList,
  }),
} as const;

/** A look at two years costs a second: many eyes share one. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 50;

export function addQuality(app: FastifyInstance, parts: QualityParts): void {
  const { knex } = parts.database;
  const remembered = openMemory();
  const quality: QualityLooks = {
    watch: () => remembered('watch', () => readWatch(knex)),
    forgetWatch: () => remembered.forget('watch'),
    agreement: (filter, truth) =>
      remembered(`agreement ${truth} ${JSON.stringify(filter)}`, () => readAgreement(knex, filter, truth)),
  };
  addQualityPages(app, parts, quality);
  addQualityApi(app, parts, quality);
}

interface QualityLooks {
  watch(): Promise<Watch>;
  forgetWatch(): void;
  agreement(filter: QualityFilter, truth: Truth): ReturnType<typeof readAgreement>;
}

function addQualityPages(
  app: FastifyInstance,
  { database: { knex }, looks, send }: QualityParts,
  { watch, forgetWatch, agreement }: QualityLooks,
): void {
  app.get('/quality', async (request, reply) => {
    const { truth = 'ct', ...filter } = parseQuery(AgreementQuery, request.query);
    const found = await agreement(filter, truth);
    await looks.noteList(request, 'quality', { ...filter, truth }, found.coverage.cases);
    const facets = await countFacets(knex, { limit: 1, offset: 0 });
    const names = (facet: typeof facets.site) =>
      facet
        .map(({ value }) => value)
        .filter(Boolean)
        .toSorted();
    const main = qualityPage({
      ...found,
      filter,
      truth,
      written: await countWritten(knex),
      sites: names(facets.site),
      scanners: names(facets.scanner),
      openAlarms: openAlarms(await watch()),
    });
    return send(reply, { title: 'Quality', main });
  });

  app.get('/quality/watch', async (request, reply) => {
    const { scope = ALL } = parseQuery(WatchQuery, request.query);
    const { role, by } = request.principal!;
    const mayAcknowledge = may(role, 'operate');
    const csrf = mayAcknowledge && by === 'account' ? reply.generateCsrf() : null;
    await looks.noteList(request, 'quality watch', {}, null);
    return send(reply, {
      title: 'Quality watch',
      main: watchPage({ watch: await watch(), scope, csrf, mayAcknowledge }),
    });
  });

  app.post('/quality/alarms', { config: { wants: 'operate' } }, async (request, reply) => {
    const { alarm, reason, newBase } = parseQuery(AlarmForm, request.body);
    if (!(await watch()).alarms.some(({ id }) => id === alarm)) throw new NotFound('there is no such alarm');
    const isNewBase = newBase === 'yes';
    await acknowledgeAlarm(knex, { alarm, reason, isNewBase, acknowledgedBy: request.principal!.actor });
    forgetWatch();
    return reply.redirect('/quality/watch', 303);
  });
}

function addQualityApi(
  app: FastifyInstance,
  { database: { knex }, looks }: QualityParts,
  { watch, agreement }: QualityLooks,
): void {
  app.get('/api/v1/quality', { schema: DOCS.quality }, async (request) => {
    const { truth = 'ct', ...filter } = parseQuery(AgreementQuery, request.query);
    const found = await agreement(filter, truth);
    await looks.noteList(request, 'api quality', filter, found.coverage.cases);
    return { ...found, truth, models: found.models.map(({ roc: _roc, ...model }) => model) };
  });

  app.get('/api/v1/quality/alarms', { schema: DOCS.alarms }, async (request) => {
    const seen = await watch();
    const { alarms, charts, unwatched } = seen;
    await looks.noteList(request, 'api alarms', {}, alarms.length);
    return { open: openAlarms(seen), alarms, charts: charts.length, unwatched };
  });

  app.get('/api/v1/results', { schema: DOCS.results }, async (request) => {
    const query = parseQuery(ResultPageQuery, request.query);
    const results = await listResults(knex, query);
    await looks.noteList(request, 'api results', query, results.length);
    return { results, next: results.at(-1)?.caseId ?? null };
  });
}

async function readAgreement(knex: Database['knex'], filter: QualityFilter, truth: Truth) {
  const [coverage, discs, reasons] = [
    await readCoverage(knex, filter),
    await listJudged(knex, filter, truth),
    await listUnstatedReasons(knex, filter),
  ];
  const active = discs.filter(({ role }) => role === 'active');
  const groups = (Object.keys(GROUPINGS) as Grouping[]).map((grouping) => ({
    grouping,
    rows: agreementBy(grouping, active),
  }));
  return { coverage, models: agreementByModel(discs), groups, reasons };
}

interface Memory {
  <T>(key: string, look: () => Promise<T>): Promise<T>;
  forget(key: string): void;
}

/** What was looked at in the last minute; a look that failed is forgotten. */
function openMemory(): Memory {
  const seen = new Map<string, { readonly at: number; readonly what: Promise<unknown> }>();
  const remember = <T>(key: string, look: () => Promise<T>): Promise<T> => {
    const known = seen.get(key);
    if (known && performance.now() - known.at < REMEMBERED_MS) return known.what as Promise<T>;
    if (seen.size >= MOST_REMEMBERED) seen.clear();
    const what = look();
    seen.set(key, { at: performance.now(), what });
    what.catch(() => seen.delete(key));
    return what;
  };
  return Object.assign(remember, { forget: (key: string) => void seen.delete(key) });
}

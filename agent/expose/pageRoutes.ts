import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '../../db/server/database.js';
import { findReport } from '../../db/tables/reports.js';
import { listSavedViews } from '../../db/tables/savedViews.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import type { CaseView } from '../../db/views/caseView.js';
import { countFlagged } from '../../db/views/toldDiscs.js';
import { listWorklist, worklistNeighbours } from '../../db/views/worklist.js';
import { may } from '../domain/access.js';
import { flagAlarm } from '../domain/flagShare.js';
import { readReport, renderReport } from '../report/tree.js';
import { filterOf, viewOf, worklistOf } from './apiRoutes.js';
import { addBackfills } from './backfillRoutes.js';
import { lookAtConditions } from './conditions.js';
import { findEverywhere } from './find.js';
import type { Looks } from './looks.js';
import { menuOf } from './menu.js';
import { addModels } from './modelRoutes.js';
import { addOperations } from './operationsRoutes.js';
import { overTimeOf } from './overTime.js';
import type { Looker } from './pages/actions.js';
import { type CaseReport, casePage } from './pages/case.js';
import { awayAlerts, conditionAlerts, flagAlert } from './pages/conditions.js';
import { findPage } from './pages/find.js';
import { layout, type Page } from './pages/layout.js';
import { worklistPage } from './pages/worklist.js';
import { addPeople } from './peopleRoutes.js';
import { addQualityDiscs } from './qualityDiscRoutes.js';
import { addQuality } from './qualityRoutes.js';
import {
  BadRequest,
  CaseQuery,
  FindQuery,
  listQueryOf,
  OpenQuery,
  parseQuery,
  WorklistQuery,
} from './query.js';
import { addReading } from './readingRoutes.js';
import { remembered } from './remembered.js';
import { addSendAgain, againFor } from './sendAgainRoute.js';
import { addTrailPage } from './trailRoutes.js';
import type { HttpParts } from './types.js';
import { viewerOf } from './viewer.js';
import { addWritten } from './writtenRoutes.js';

const WORKLIST_SECONDS = 3;
const CASE_SECONDS = 2;
const REMEMBERED_MS = 1_000;
/** Reports whose tree a case's page shows; the older ones are linked. */
const MOST_TREES = 5;

/** The pages people look at, whole from the server; a few lines of script look for news (assets/live.js). */
export function addPages(app: FastifyInstance, parts: HttpParts & { readonly looks: Looks }): void {
  const { config, database, files, looks } = parts;

  const conditions = remembered(() => lookAtConditions(parts), REMEMBERED_MS);
  const alarm = remembered(async () => {
    const flags = await countFlagged(database.knex, config.report.flaggedOver).catch(() => null);
    return flags && flagAlarm(flags, config.report);
  }, REMEMBERED_MS);

  const away = remembered(() => listAwayStores(database.knex).catch(() => []), REMEMBERED_MS);

  async function send(reply: FastifyReply, page: Omit<Page, 'alerts' | 'menu'>) {
    const alerts = [
      ...conditionAlerts(await conditions()),
      ...awayAlerts(await away()),
      ...flagAlert(await alarm()),
    ];
    return reply.type('text/html; charset=utf-8').send(layout({ ...page, alerts, menu: menuOf(reply) }));
  }

  addLaunch(app, parts);
  addQuality(app, { ...parts, send });
  addQualityDiscs(app, { ...parts, send });
  addPeople(app, { ...parts, send });
  addModels(app, { ...parts, send });
  addWritten(app, { ...parts, send });
  addReading(app, { ...parts, send });
  addOperations(app, { ...parts, send });
  addTrailPage(app, { ...parts, send });
  addSendAgain(app, parts);
  addBackfills(app, { ...parts, send });

  app.get('/', async (request, reply) => {
    const query = parseQuery(WorklistQuery, request.query);
    const listed = await worklistOf(database, query);
    await looks.noteList(request, 'worklist', query, listed.total);
    const { accountId } = request.principal!;
    const views = accountId ? await listSavedViews(database.knex, accountId) : [];
    const csrf = accountId ? reply.generateCsrf() : null;
    const main = worklistPage({ ...listed, query, views, csrf });
    return send(reply, { title: 'Worklist', main, refreshSeconds: WORKLIST_SECONDS });
  });

  app.get('/find', async (request, reply) => {
    const { q } = parseQuery(FindQuery, request.query);
    const found = q ? await findEverywhere({ dataDir: config.dataDir, knex: database.knex }, q) : null;
    if (found) await looks.noteList(request, 'find', { q }, found.items.length);
    return send(reply, { title: 'Find', main: findPage(q, found) });
  });

  app.get<{ Params: { id: string } }>('/cases/:id', async (request, reply) => {
    const query = parseQuery(CaseQuery, request.query);
    const { list, done } = query;
    const view = await viewOf(database, request.params.id);
    // Whoever was launched for one study is shown nothing of another.
    const isLaunched = request.principal!.by === 'launch';
    const overTime = isLaunched ? null : await overTimeOf(database.knex, view);
    // A page that looks for news by itself is one look, not one every two seconds.
    const isRefresh = request.headers['x-calcidisc-refresh'] !== undefined;
    const others = (overTime?.cases ?? []).flatMap(({ id }) => (id === view.case.id ? [] : id));
    await looks.noteCase(request, view, isRefresh ? 'refresh' : 'page', others);
    const beside = await worklistNeighbours(database.knex, view.case.id, filterOf(listQueryOf(list)));
    const main = casePage(view, {
      texts: await reportsOf(database, view),
      prevalence: config.report.prevalence,
      place: isLaunched ? null : { list, ...beside },
      viewer: await viewerOf(database.knex, files, view, query),
      ...(overTime && { overTime }),
      looker: lookerOf(request, reply),
      again: await againFor(parts, view, request, reply),
      done,
    });
    const isDone = ['delivered', 'parked', 'closed'].includes(view.case.state);
    return send(reply, { title: 'Case', main, ...(isDone ? {} : { refreshSeconds: CASE_SECONDS }) });
  });
}

/** Whoever looks, with a token for the forms where there is a session that can send one. */
function lookerOf({ principal, session }: FastifyRequest, reply: FastifyReply): Looker {
  const { role, name, by } = principal!;
  const hasForms = (by === 'account' || by === 'proxy') && session !== undefined && may(role, 'view');
  return { role, name, csrf: hasForms ? reply.generateCsrf() : null };
}

/** From PACS or RIS: one case, or what there is under that number. */
function addLaunch(
  app: FastifyInstance,
  { database, looks }: Pick<HttpParts, 'database'> & { readonly looks: Looks },
): void {
  app.get('/open', async (request, reply) => {
    const { accession, study } = parseQuery(OpenQuery, request.query);
    if (!accession && !study) throw new BadRequest('accession or study has to say which');
    const filter = { ...(accession && { accession }), ...(study && { study }), limit: 2, offset: 0 };
    const found = await listWorklist(database.knex, filter);
    await looks.noteList(request, 'open', { accession, study }, found.length);
    if (found.length === 1) return reply.redirect(`/cases/${found[0]!.id}`);
    const asked = new URLSearchParams({ ...(accession && { accession }), ...(study && { study }) });
    return reply.redirect(
      found.length > 1 ? `/?${asked}` : `/find?q=${encodeURIComponent(study ?? accession ?? '')}`,
    );
  });
}

/** The newest first, each as a tree to read. */
async function reportsOf({ knex }: Pick<Database, 'knex'>, view: CaseView): Promise<CaseReport[]> {
  const shown: CaseReport[] = [];
  for (const { revision } of view.reports.slice(0, MOST_TREES)) {
    const report = await findReport(knex, view.case.id, revision);
    if (report?.file) shown.push({ revision, text: renderReport(readReport(report.file)) });
  }
  return shown;
}

import type { FastifyInstance } from 'fastify';
import type { Database } from '../../db/server/database.js';
import { findReport } from '../../db/tables/reports.js';
import { readReport, renderReport } from '../report/tree.js';
import { auditView, viewOf, worklistOf } from './apiRoutes.js';
import { casePage } from './pages/case.js';
import { layout } from './pages/layout.js';
import { worklistPage } from './pages/worklist.js';
import { parseQuery, WorklistQuery } from './query.js';

const WORKLIST_SECONDS = 3;
const CASE_SECONDS = 2;

/** The pages people look at, whole from the server; a few lines of script look for news (assets/live.js). */
export function addPages(
  app: FastifyInstance,
  { database }: { readonly database: Pick<Database, 'knex'> },
): void {
  app.get('/', async (request, reply) => {
    const query = parseQuery(WorklistQuery, request.query);
    const { rows, hasMore } = await worklistOf(database, query);
    const main = worklistPage({ rows, hasMore, query, page: query.page });
    return reply
      .type('text/html; charset=utf-8')
      .send(layout({ title: 'Worklist', main, refreshSeconds: WORKLIST_SECONDS }));
  });

  app.get<{ Params: { id: string } }>('/cases/:id', async (request, reply) => {
    const view = await viewOf(database, request.params.id);
    // A page that looks for news by itself is one look, not one every two seconds.
    if (request.headers['x-calcidisc-refresh'] === undefined) await auditView(database, view, request.ip);
    const newest = view.reports[0];
    const report = newest && (await findReport(database.knex, view.case.id, newest.revision));
    const main = casePage(view, report ? renderReport(readReport(report.file)) : null);
    const isDone = view.case.state === 'delivered' || view.case.state === 'parked';
    const page = { title: 'Case', main, ...(isDone ? {} : { refreshSeconds: CASE_SECONDS }) };
    return reply.type('text/html; charset=utf-8').send(layout(page));
  });
}

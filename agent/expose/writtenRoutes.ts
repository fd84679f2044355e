import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import {
  correctWritten,
  countWritten,
  listUnmatchedWritten,
  WRITTEN_WORDS,
} from '../../db/tables/writtenReports.js';
import { may } from '../domain/access.js';
import { LEVELS } from '../domain/levels.js';
import { viewOf } from './apiRoutes.js';
import type { Looks } from './looks.js';
import { unmatchedPage, writtenPage } from './pages/written.js';
import { NotFound, optional, parseQuery } from './query.js';
import type { SendPage } from './types.js';

const CorrectionForm = z.object({
  report: z.uuid(),
  level: z.enum(LEVELS),
  word: optional(z.enum(WRITTEN_WORDS)),
});
const MOST_UNMATCHED = 200;

interface CaseRoute {
  Params: { id: string };
}

/** What radiologists wrote: to be read whole, and what was heard of it corrected by whoever may judge. */
export function addWritten(
  app: FastifyInstance,
  parts: { readonly database: Pick<Database, 'knex'>; readonly looks: Looks; readonly send: SendPage },
): void {
  const { database, looks, send } = parts;

  app.get<CaseRoute>('/cases/:id/written', async (request, reply) => {
    const view = await viewOf(database, request.params.id);
    await looks.noteCase(request, view, 'page');
    const { role, by } = request.principal!;
    const csrf = may(role, 'judge') ? (by === 'token' ? '' : reply.generateCsrf()) : null;
    return send(reply, { title: 'Written report', main: writtenPage({ view, csrf }) });
  });

  app.post<CaseRoute>('/cases/:id/written', { config: { wants: 'judge' } }, async (request, reply) => {
    const { report, level, word } = parseQuery(CorrectionForm, request.body);
    const view = await viewOf(database, request.params.id);
    if (!view.writtenReports.some(({ id }) => id === report))
      throw new NotFound('there is no such report of this study');
    const { actor } = request.principal!;
    await correctWritten(database.knex, { reportId: report, level, corrected: word ?? null, actor });
    return reply.redirect(`/cases/${view.case.id}/written`, 303);
  });

  app.get('/quality/reports', async (request, reply) => {
    const rows = await listUnmatchedWritten(database.knex, MOST_UNMATCHED);
    await looks.noteList(request, 'written reports', {}, rows.length);
    return send(reply, {
      title: 'Written reports',
      main: unmatchedPage(await countWritten(database.knex), rows),
    });
  });
}

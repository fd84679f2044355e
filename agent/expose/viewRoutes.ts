import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { appendAudit } from '../../db/tables/audit.js';
import { deleteView, listSavedViews, saveView } from '../../db/tables/savedViews.js';
import { listLink } from './pages/listLink.js';
import { BadRequest, listQueryOf, NotFound, parseQuery } from './query.js';
import type { HttpParts } from './types.js';

const MOST_VIEWS = 30;
const Name = z.string().trim().min(1, 'a view needs a name').max(60);
const SaveForm = z.object({ name: Name, query: z.string().max(600).default('') });
const NameForm = z.object({ name: Name });

/** Worklists by names of their owner's own: nobody else sees them. */
export function addSavedViews(app: FastifyInstance, { database: { knex } }: HttpParts): void {
  const OWN = { config: { wants: 'view' } } as const;

  app.post('/views', OWN, async (request, reply) => {
    const { name, query } = parseQuery(SaveForm, request.body ?? {});
    const accountId = ownerOf(request);
    const link = listLink({ ...listQueryOf(query), page: 0, after: undefined, before: undefined });
    const views = await listSavedViews(knex, accountId);
    if (views.length >= MOST_VIEWS && !views.some((each) => each.name === name))
      throw new BadRequest(`an account keeps ${MOST_VIEWS} views: delete one first`);
    await saveView(knex, { accountId, name, query: link.slice(2) });
    await note(request, 'VIEW_SAVED');
    return reply.redirect(link, 303);
  });

  app.post('/views/delete', OWN, async (request, reply) => {
    const { name } = parseQuery(NameForm, request.body ?? {});
    if (!(await deleteView(knex, { accountId: ownerOf(request), name })))
      throw new NotFound('you have no such view');
    await note(request, 'VIEW_DELETED');
    return reply.redirect('/', 303);
  });

  /** Its name is its owner's business: it may be a patient's. */
  function note({ principal, ip }: FastifyRequest, event: 'VIEW_SAVED' | 'VIEW_DELETED') {
    const { name: subjectId, actor } = principal!;
    return appendAudit(knex, { event, subjectType: 'account', subjectId, actor, detail: { from: ip } });
  }
}

/** @throws BadRequest for whoever has no account to keep views in */
function ownerOf({ principal }: FastifyRequest): string {
  if (principal?.accountId) return principal.accountId;
  throw new BadRequest('views are kept in an account: log in with one');
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { listRefusedForms, sendAgain } from '../../db/tables/sendAgain.js';
import type { CaseView } from '../../db/views/caseView.js';
import { may } from '../domain/access.js';
import { viewOf } from './apiRoutes.js';
import type { Html } from './html.js';
import { sendAgainForm } from './pages/sendAgain.js';
import { BadRequest, parseQuery, ReasonForm } from './query.js';
import type { HttpParts } from './types.js';

/** "Send again", as `calcidisc case --retry`: for who may let work go on. */
export function addSendAgain(app: FastifyInstance, { config, database: { knex } }: HttpParts): void {
  app.post<{ Params: { id: string } }>(
    '/cases/:id/send-again',
    { config: { wants: 'operate' } },
    async (request, reply) => {
      const { reason } = parseQuery(ReasonForm, request.body);
      const { case: row } = await viewOf({ knex }, request.params.id);
      const { actor } = request.principal!;
      const { destinations } = config.route;
      const again = await knex.transaction((trx) =>
        sendAgain(trx, destinations, { caseId: row.id, reason, actor }),
      );
      if (!again) throw new BadRequest('nothing of this case is to be sent again');
      return reply.redirect(`/cases/${row.id}`, 303);
    },
  );
}

/** The form on the page of a case; nothing for who may not. */
export async function againFor(
  { config, database: { knex } }: HttpParts,
  view: CaseView,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Html | false> {
  const { role, by } = request.principal!;
  if (!may(role, 'operate')) return false;
  const refused = await listRefusedForms(knex, config.route.destinations, view.case);
  return sendAgainForm(view, { refused, csrf: by === 'account' ? reply.generateCsrf() : null });
}

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { LEVELS } from '../domain/levels.js';
import { BECAUSE, CASE_ACTION_NAMES, CASE_ACTIONS } from '../judge/actions.js';
import { judgeDisc, SAYINGS, type Saying } from '../judge/verdict.js';
import { viewOf } from './apiRoutes.js';
import { optional, parseQuery } from './query.js';
import type { HttpParts } from './types.js';

const Reason = z.string().trim().min(1, 'say why, for the audit trail').max(300);
const OrderForm = z.object({
  reason: Reason,
  because: z.enum(BECAUSE).default('safety'),
  drawn: z.string().max(8).default(''),
  level: z.string().max(8).default(''),
});
const VerdictForm = z.object({
  revision: z.coerce.number().int().positive(),
  disc: z.enum(LEVELS),
  says: z.enum(Object.keys(SAYINGS) as [Saying, ...Saying[]]),
  level: optional(z.enum(LEVELS)),
  words: z.string().trim().max(300).default(''),
});

/** What people have a case do, and what readers say of its discs: each by its own right, each with who and why on the trail. */
export function addJudging(app: FastifyInstance, { config, database: { knex } }: HttpParts): void {
  for (const name of CASE_ACTION_NAMES) {
    const action = CASE_ACTIONS[name];
    app.post<IdRoute>(`/cases/:id/${name}`, { config: { wants: action.wants } }, async (request, reply) => {
      const form = parseQuery(OrderForm, request.body ?? {});
      const { case: row } = await viewOf({ knex }, request.params.id);
      const order = { ...form, caseId: row.id, actor: request.principal!.actor };
      await knex.transaction(async (trx) => {
        await action.run(trx, config, order);
      });
      return reply.redirect(`/cases/${row.id}?done=${name}`, 303);
    });
  }

  app.post<IdRoute>('/cases/:id/verdicts', { config: { wants: 'judge' } }, async (request, reply) => {
    const { level = null, ...form } = parseQuery(VerdictForm, request.body ?? {});
    const { case: row } = await viewOf({ knex }, request.params.id);
    const { name: reader, actor } = request.principal!;
    await knex.transaction((trx) => judgeDisc(trx, { ...form, level, caseId: row.id, reader, actor }));
    return reply.redirect(`/cases/${row.id}?done=verdict#${form.disc}`, 303);
  });
}

interface IdRoute {
  Params: { id: string };
}

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findCaseOfStudy } from '../../db/tables/cases.js';
import { listWorklist } from '../../db/views/worklist.js';
import { makeLaunch, useLaunch } from '../access/launches.js';
import { beginLaunch } from './gate/sessions.js';
import type { Looks } from './looks.js';
import { described } from './openApi.js';
import { BadRequest, NotFound, optional, parseQuery } from './query.js';
import type { HttpParts } from './types.js';

const LaunchForm = z.strictObject({
  accession: optional(z.string().trim().max(64)),
  study: optional(z.string().regex(/^[0-9.]{1,64}$/)),
  /** Who will look, by the word of whoever asks: as the trail will name them. */
  person: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}._@-]{0,64}$/u)
    .default(''),
  minutes: z.coerce.number().int().min(1).max(60).default(5),
});
const LaunchAnswer = z.object({ url: z.string(), study: z.string(), expiresAt: z.iso.datetime() });
const TokenQuery = z.object({ token: z.string().min(20).max(128) });

const MADE = described({
  summary: 'A link that opens one study, once, for whoever has it: for a PACS or RIS that shows a button',
  body: LaunchForm,
  answer: LaunchAnswer,
});

/** Tries from one address, each minute. */
const TRIES = { max: 30, timeWindow: '1 minute' } as const;

/** A launch from PACS or RIS: its server asks for a link with its token, its user's browser follows it. */
export function addLaunches(
  app: FastifyInstance,
  { config: { http }, database: { knex }, looks }: HttpParts & { readonly looks: Looks },
): void {
  const origin = ({ protocol, host }: FastifyRequest) => http.publicUrl ?? `${protocol}://${host}`;

  app.post('/api/v1/launches', { config: { wants: 'view' }, schema: MADE }, async (request, reply) => {
    const { accession, study, person, minutes } = parseQuery(LaunchForm, request.body ?? {});
    if (!accession && !study) throw new BadRequest('accession or study has to say which');
    const asked = { ...(accession && { accession }), ...(study && { study }) };
    const found = await listWorklist(knex, { ...asked, limit: 2, offset: 0 });
    await looks.noteList(request, 'launch', asked, found.length);
    if (found.length === 0) throw new NotFound('there is no case of that study');
    if (found.length > 1)
      throw Object.assign(new Error('several studies bear that accession number: name the study'), {
        statusCode: 409,
      });
    const { name: madeBy, actor } = request.principal!;
    const { mrStudyInstanceUid: studyInstanceUid } = found[0]!;
    const { path, expiresAt } = await makeLaunch(knex, { studyInstanceUid, madeBy, person, actor, minutes });
    return reply.status(201).send({
      url: `${origin(request)}${path}`,
      study: studyInstanceUid,
      expiresAt: expiresAt.toISOString(),
    });
  });

  const limit = app.createRateLimit(TRIES);
  // Whoever only asks for the head (a scanner of links) must not use it up.
  const ONCE = { config: { wants: 'anyone' }, exposeHeadRoute: false } as const;
  app.get('/launch', ONCE, async (request, reply) => {
    const taken = await limit(request);
    if (!taken.isAllowed && taken.isExceeded)
      throw Object.assign(new Error('that was often: wait a minute, then try again'), { statusCode: 429 });
    const { token } = parseQuery(TokenQuery, request.query);
    const launched = await useLaunch(knex, token, request.ip);
    const row = await findCaseOfStudy(knex, launched.studyInstanceUid);
    if (!row) throw new NotFound('the case of that study is gone');
    // Who is logged in already stays who they are, with all that they may see.
    if (!request.session.accountId) await beginLaunch(request, launched);
    return reply.redirect(`/cases/${row.id}`, 303);
  });
}

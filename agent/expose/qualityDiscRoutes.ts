import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { listQualityDiscs, OUTCOMES, TRUTHS, UNSAIDS } from '../../db/views/qualityDiscs.js';
import { BMI_GROUPS } from '../domain/bmiBands.js';
import { LEVELS } from '../domain/levels.js';
import type { Looks } from './looks.js';
import { qualityDiscsPage } from './pages/qualityDiscs.js';
import { optional, parseQuery } from './query.js';
import type { SendPage } from './types.js';

const PAGE = 50;

/** What a number of the quality page or of a model stands for. */
export const QualityDiscQuery = z.strictObject({
  model: optional(z.string().max(130)),
  says: optional(z.enum(['calcified', 'not-calcified', 'unstated'])),
  truth: optional(z.enum(TRUTHS)),
  outcome: optional(z.enum(OUTCOMES)),
  level: optional(z.enum(LEVELS)),
  site: optional(z.string().max(64)),
  scanner: optional(z.string().max(64)),
  field: optional(z.coerce.number().min(0).max(99)),
  sex: optional(z.string().max(16)),
  ageFrom: optional(z.coerce.number().int().min(0).max(150)),
  ageTo: optional(z.coerce.number().int().min(0).max(150)),
  bmi: optional(z.enum(BMI_GROUPS)),
  unsaid: optional(z.enum(UNSAIDS)),
  accession: optional(z.string().trim().max(64)),
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  after: optional(z.string().regex(/^[0-9a-f-]{36}\/L[1-5]-[LS][1-5]$/)),
});

/** The discs behind a number, of shadows too, each with a link to its case. */
export function addQualityDiscs(
  app: FastifyInstance,
  parts: { readonly database: Pick<Database, 'knex'>; readonly looks: Looks; readonly send: SendPage },
): void {
  const { database, looks, send } = parts;
  app.get('/quality/discs', async (request, reply) => {
    const query = parseQuery(QualityDiscQuery, request.query);
    const found = await listQualityDiscs(database.knex, query, PAGE);
    await looks.noteList(request, 'quality discs', query, found.discs);
    return send(reply, {
      title: 'Discs',
      main: qualityDiscsPage({ ...found, query, isFull: found.rows.length === PAGE }),
    });
  });
}

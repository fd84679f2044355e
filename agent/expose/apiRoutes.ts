import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findReport } from '../../db/tables/reports.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { listWorklist } from '../../db/views/worklist.js';
import { decodeCam, renderCam } from '../../worker/cam.js';
import { LEVELS } from '../domain/levels.js';
import { readReport, renderReport } from '../report/tree.js';
import { NotFound, parseQuery, type WorklistQuery, WorklistQuery as WorklistQuerySchema } from './query.js';

interface ApiParts {
  readonly database: Pick<Database, 'knex'>;
}

const SliceQuery = z.strictObject({ modality: z.enum(['MR', 'CT']).default('MR') });
const LevelParam = z.enum(LEVELS);

/** The same facts as the pages, for machines; pictures and reports as files. */
export function addApi(app: FastifyInstance, { database }: ApiParts): void {
  const { knex } = database;

  app.get('/api/cases', async (request) => {
    const query = parseQuery(WorklistQuerySchema, request.query);
    const { rows, hasMore } = await worklistOf(database, query);
    return { cases: rows, page: query.page, hasMore };
  });

  app.get<IdRoute>('/api/cases/:id', async (request) => {
    const view = await viewOf(database, request.params.id);
    await auditView(database, view, request.ip);
    return withoutPixels(view);
  });

  app.get<IdRoute>('/api/cases/:id/slice.png', async (request, reply) => {
    const { modality } = parseQuery(SliceQuery, request.query);
    const view = await viewOf(database, request.params.id);
    return sendPng(reply, (modality === 'MR' ? view.mr : view.ct)?.slicePng);
  });

  app.get<LevelRoute>('/api/cases/:id/regions/:level.png', async (request, reply) => {
    return sendPng(reply, (await regionOf(database, request.params)).region?.png);
  });

  app.get<LevelRoute>('/api/cases/:id/regions/:level/cam.png', async (request, reply) => {
    const { view, region } = await regionOf(database, request.params);
    const decided = view.inferences.find(
      ({ discRegionId, role }) => discRegionId === region?.id && role === 'active',
    );
    return sendPng(reply, decided?.cam ? await renderCam(decodeCam(decided.cam)) : null);
  });

  app.get<IdRoute>('/api/cases/:id/report.dcm', async (request, reply) => {
    const { file, sopInstanceUid } = await reportOf(knex, await viewOf(database, request.params.id));
    reply.header('content-disposition', `attachment; filename="${sopInstanceUid}.dcm"`);
    return reply.type('application/dicom').send(Buffer.from(file));
  });

  app.get<IdRoute>('/api/cases/:id/report.txt', async (request, reply) => {
    const { file } = await reportOf(knex, await viewOf(database, request.params.id));
    return reply.type('text/plain; charset=utf-8').send(renderReport(readReport(file)));
  });
}

interface IdRoute {
  Params: { id: string };
}
interface LevelRoute {
  Params: { id: string; level: string };
}

/** One more than asked for tells whether there is another page. */
export async function worklistOf({ knex }: Pick<Database, 'knex'>, query: WorklistQuery) {
  const { flag, level, find, state, from, to, page, limit } = query;
  const rows = await listWorklist(knex, {
    ...(flag && { flag }),
    ...(level && { level }),
    ...(find && { find }),
    ...(from && { from }),
    ...(to && { to }),
    ...(state && { states: [state] }),
    limit: limit + 1,
    offset: page * limit,
  });
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** @throws NotFound */
export async function viewOf({ knex }: Pick<Database, 'knex'>, id: string): Promise<CaseView> {
  const view = await readCaseView(knex, id);
  if (!view) throw new NotFound('there is no such case');
  return view;
}

/** PS3.15 A.5.3: who looked at whose images is on the trail. */
export async function auditView(
  { knex }: Pick<Database, 'knex'>,
  view: CaseView,
  address: string,
): Promise<void> {
  await appendAudit(knex, {
    event: 'CASE_VIEWED',
    subjectType: 'case',
    subjectId: view.case.id,
    actor: `http:${address}`,
    detail: { revision: view.case.revision },
  });
}

/** The whole view as JSON: pictures have addresses of their own. */
export function withoutPixels(view: CaseView) {
  const { mr, ct, regions, inferences } = view;
  return {
    ...view,
    mr: mr && { ...mr, slicePng: undefined },
    ct: ct && { ...ct, slicePng: undefined },
    regions: regions.map((region) => ({ ...region, png: undefined })),
    inferences: inferences.map((inference) => ({ ...inference, cam: undefined })),
  };
}

async function regionOf(database: Pick<Database, 'knex'>, { id, level }: LevelRoute['Params']) {
  const parsed = LevelParam.safeParse(level);
  if (!parsed.success) throw new NotFound(`there is no disc ${level}`);
  const view = await viewOf(database, id);
  return { view, region: view.regions.find((each) => each.level === parsed.data) };
}

async function reportOf(knex: Database['knex'], { case: row, reports }: CaseView) {
  const newest = reports[0] && (await findReport(knex, row.id, reports[0].revision));
  if (!newest) throw new NotFound('this case has no report yet');
  return newest;
}

function sendPng(reply: FastifyReply, png: Uint8Array | null | undefined): FastifyReply {
  if (!png) throw new NotFound('there is no such picture');
  return reply.type('image/png').send(Buffer.from(png));
}

import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { findCasePurge } from '../../db/tables/casePurges.js';
import { findReport } from '../../db/tables/reports.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { listWorklist } from '../../db/views/worklist.js';
import { countFacets } from '../../db/views/worklistCounts.js';
import type { WorklistFilter } from '../../db/views/worklistFilter.js';
import { decodeCam, renderCam } from '../../worker/cam.js';
import { LEVELS } from '../domain/levels.js';
import { purgedWords } from '../domain/purgedWords.js';
import type { Files } from '../holders/files.js';
import { readReport, renderReport } from '../report/tree.js';
import { findEverywhere } from './find.js';
import { imagesOfSeries, seriesOfCase, showImage } from './images.js';
import type { Looks } from './looks.js';
import { described } from './openApi.js';
import {
  BadRequest,
  FindQuery,
  ImageQuery,
  NotFound,
  parseQuery,
  type WorklistQuery,
  WorklistQuery as WorklistQuerySchema,
} from './query.js';
import { CaseList, FoundList, WholeCase } from './schemas.js';

interface ApiParts {
  readonly config: Pick<Config, 'dataDir'>;
  readonly database: Pick<Database, 'knex'>;
  readonly files?: Files;
  readonly looks: Looks;
}

const SliceQuery = z.strictObject({ modality: z.enum(['MR', 'CT']).default('MR') });
/** Absent: the newest. */
const ReportQuery = z.strictObject({ revision: z.coerce.number().int().positive().optional() });
const LevelParam = z.enum(LEVELS);

/** For OpenAPI. */
const DOCS = {
  cases: described({ summary: 'The worklist', querystring: WorklistQuerySchema, answer: CaseList }),
  find: described({ summary: 'Everything that ever arrived', querystring: FindQuery, answer: FoundList }),
  case: described({ summary: 'Everything of one case', answer: WholeCase }),
  slice: described({ summary: 'The mid-sagittal slice', querystring: SliceQuery, gives: 'image/png' }),
  image: described({
    summary: 'One image of a series of the case, from 1, by a window',
    querystring: ImageQuery,
    gives: 'image/png',
  }),
  region: described({ summary: 'A region, byte for byte as the model saw it', gives: 'image/png' }),
  cam: described({ summary: 'Where the deciding model looked', gives: 'image/png' }),
  dicom: described({
    summary: 'The Structured Report',
    querystring: ReportQuery,
    gives: 'application/dicom',
  }),
  text: described({ summary: 'The report as a tree', querystring: ReportQuery, gives: 'text/plain' }),
} as const;

/** The same facts as the pages, for machines; pictures and reports as files. */
export function addApi(app: FastifyInstance, parts: ApiParts): void {
  addFacts(app, parts);
  addPictures(app, parts);
  addReports(app, parts);
}

function addFacts(app: FastifyInstance, { config, database, looks }: ApiParts): void {
  const { knex } = database;

  app.get('/api/cases', { schema: DOCS.cases }, async (request) => {
    const query = parseQuery(WorklistQuerySchema, request.query);
    const { rows, hasMore, total } = await worklistOf(database, query);
    await looks.noteList(request, 'cases', query, total);
    return { cases: rows, page: query.page, hasMore, total };
  });

  app.get('/api/find', { schema: DOCS.find }, async (request) => {
    const { q } = parseQuery(FindQuery, request.query);
    if (!q) throw new BadRequest('q has to say what is looked for');
    const found = await findEverywhere({ ...config, knex }, q);
    await looks.noteList(request, 'find', { q }, found.items.length);
    return found;
  });

  app.get<IdRoute>('/api/cases/:id', { schema: DOCS.case }, async (request) => {
    const view = await viewOf(database, request.params.id);
    await looks.noteCase(request, view, 'api');
    return withoutPixels(view);
  });
}

function addPictures(app: FastifyInstance, parts: Omit<ApiParts, 'config'>): void {
  const { database, looks } = parts;
  addImages(app, parts);
  app.get<IdRoute>('/api/cases/:id/slice.png', { schema: DOCS.slice }, async (request, reply) => {
    const { modality } = parseQuery(SliceQuery, request.query);
    const view = await viewOf(database, request.params.id);
    await looks.noteCase(request, view, 'slice');
    return sendPng(reply, (modality === 'MR' ? view.mr : view.ct)?.slicePng, view);
  });

  app.get<LevelRoute>(
    '/api/cases/:id/regions/:level.png',
    { schema: DOCS.region },
    async (request, reply) => {
      const { view, region } = await regionOf(database, request.params);
      await looks.noteCase(request, view, 'region');
      return sendPng(reply, region?.png, view);
    },
  );

  app.get<LevelRoute>(
    '/api/cases/:id/regions/:level/cam.png',
    { schema: DOCS.cam },
    async (request, reply) => {
      const { view, region } = await regionOf(database, request.params);
      await looks.noteCase(request, view, 'region');
      const decided = view.inferences.find(
        ({ discRegionId, role }) => discRegionId === region?.id && role === 'active',
      );
      return sendPng(reply, decided?.cam ? await renderCam(decodeCam(decided.cam)) : null, view);
    },
  );
}

function addImages(app: FastifyInstance, { database, files, looks }: Omit<ApiParts, 'config'>): void {
  const { knex } = database;

  app.get<IdRoute>('/api/cases/:id/image.png', { schema: DOCS.image }, async (request, reply) => {
    const { series: wanted, image = 1, center, width } = parseQuery(ImageQuery, request.query);
    if (!wanted) throw new BadRequest('series has to say which');
    const view = await viewOf(database, request.params.id);
    const series = (await seriesOfCase(knex, view)).find((each) => each.seriesInstanceUid === wanted);
    if (!series) throw new NotFound('the case has no such series');
    if (!files) throw new NotFound('this process shows no images');
    const placed = (await imagesOfSeries(knex, files, wanted))[image - 1];
    if (!placed) throw new NotFound(`the series has no image ${image}`);
    await looks.noteCase(request, view, 'image');
    const window = center !== undefined && width !== undefined ? { center, width } : null;
    return sendPng(reply, (await showImage(files, placed, window)).png, view);
  });
}

function addReports(app: FastifyInstance, { database, looks }: Omit<ApiParts, 'config'>): void {
  const { knex } = database;

  app.get<IdRoute>('/api/cases/:id/report.dcm', { schema: DOCS.dicom }, async (request, reply) => {
    const { revision } = parseQuery(ReportQuery, request.query);
    const view = await viewOf(database, request.params.id);
    const { file, sopInstanceUid } = await reportOf(knex, view, revision);
    await looks.noteCase(request, view, 'report.dcm');
    reply.header('content-disposition', `attachment; filename="${sopInstanceUid}.dcm"`);
    return reply.type('application/dicom').send(Buffer.from(file));
  });

  app.get<IdRoute>('/api/cases/:id/report.txt', { schema: DOCS.text }, async (request, reply) => {
    const { revision } = parseQuery(ReportQuery, request.query);
    const view = await viewOf(database, request.params.id);
    const { file } = await reportOf(knex, view, revision);
    await looks.noteCase(request, view, 'report.txt');
    return reply.type('text/plain; charset=utf-8').send(renderReport(readReport(file)));
  });
}

interface IdRoute {
  Params: { id: string };
}
interface LevelRoute {
  Params: { id: string; level: string };
}

export async function worklistOf({ knex }: Pick<Database, 'knex'>, query: WorklistQuery) {
  const filter = filterOf(query);
  const [found, facets] = await Promise.all([
    listWorklist(knex, { ...filter, limit: filter.limit + 1 }),
    countFacets(knex, filter),
  ]);
  // One more than is shown says whether there is more, also far from the first page.
  const isCut = found.length > filter.limit;
  const rows = filter.before === undefined ? found.slice(0, filter.limit) : found.slice(isCut ? 1 : 0);
  const isFirst = filter.before === undefined ? filter.after === undefined && filter.offset === 0 : !isCut;
  return { rows, facets, total: facets.total, isFirst, hasMore: filter.before !== undefined || isCut };
}

export function filterOf({ state, page, limit, columns: _shown, ...asked }: WorklistQuery): WorklistFilter {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { ...given, ...(state && { states: [state] }), limit, offset: page * limit };
}

/** @throws NotFound */
export async function viewOf({ knex }: Pick<Database, 'knex'>, id: string): Promise<CaseView> {
  const view = await readCaseView(knex, id);
  if (!view) throw new NotFound('there is no such case');
  return view;
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

async function reportOf(knex: Database['knex'], { case: row, reports }: CaseView, revision?: number) {
  const wanted = revision ?? reports[0]?.revision;
  const found = wanted === undefined ? null : await findReport(knex, row.id, wanted);
  if (found?.file) return { ...found, file: found.file };
  const gone = found && (await findCasePurge(knex, row.id, 'reports', found.revision));
  if (gone) throw new NotFound(purgedWords('reports', gone));
  throw new NotFound(revision ? `there is no report of revision ${revision}` : 'this case has no report yet');
}

function sendPng(
  reply: FastifyReply,
  png: Uint8Array | null | undefined,
  { purged }: CaseView,
): FastifyReply {
  if (!png)
    throw new NotFound(purged.regions ? purgedWords('regions', purged.regions) : 'there is no such picture');
  return reply.type('image/png').send(Buffer.from(png));
}

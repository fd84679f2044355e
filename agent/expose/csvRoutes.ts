import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { type QaResultRow, resultPages } from '../../db/views/quality.js';
import { listWorklist, type WorklistRow } from '../../db/views/worklist.js';
import type { WorklistFilter } from '../../db/views/worklistFilter.js';
import { LEVELS } from '../domain/levels.js';
import { filterOf } from './apiRoutes.js';
import { csvStream } from './csv.js';
import type { Looks } from './looks.js';
import { described } from './openApi.js';
import { parseQuery, ResultQuery, WorklistQuery } from './query.js';

interface CsvParts {
  readonly database: Pick<Database, 'knex'>;
  readonly looks: Looks;
}

/** Lists to take away: the worklist as it is filtered, and what registries take, a line for each disc and model. */
export function addCsv(app: FastifyInstance, { database: { knex }, looks }: CsvParts): void {
  app.get('/worklist.csv', async (request, reply) => {
    const query = parseQuery(WorklistQuery, request.query);
    await looks.noteList(request, 'worklist.csv', query, null);
    const { after: _after, before: _before, ...filter } = filterOf(query);
    return sendCsv(reply, 'worklist', csvStream(HEADINGS, worklistPages(knex, filter), cellsOf));
  });

  app.get('/api/v1/results.csv', { schema: RESULTS_CSV }, async (request, reply) => {
    const query = parseQuery(ResultQuery, request.query);
    await looks.noteList(request, 'results.csv', query, null);
    return sendCsv(reply, 'results', csvStream(RESULT_HEADINGS, resultPages(knex, query), resultCells));
  });
}

const RESULTS_CSV = described({
  summary: 'Results in the columns that registries take: a line for each disc and model',
  querystring: ResultQuery,
  gives: 'text/csv',
});

function sendCsv(reply: FastifyReply, name: string, stream: Readable): FastifyReply {
  reply.header('content-disposition', `attachment; filename="calcidisc-${name}.csv"`);
  return reply.type('text/csv; charset=utf-8').send(stream);
}

const AT_ONCE = 1000;

async function* worklistPages(knex: Tx, filter: WorklistFilter): AsyncGenerator<readonly WorklistRow[]> {
  for (let after: string | undefined; ; ) {
    const page = await listWorklist(knex, { ...filter, limit: AT_ONCE, offset: 0, ...(after && { after }) });
    if (page.length > 0) yield page;
    if (page.length < AT_ONCE) return;
    after = page.at(-1)!.id;
  }
}

const HEADINGS = [
  'case',
  'state',
  'accession_number',
  'patient_id',
  'study_instance_uid',
  'mr_date',
  'site',
  'scanner',
  'levels',
  'ct',
  'ct_interval_days',
  ...LEVELS.flatMap((level) => [level, `${level} CT`]),
];

function cellsOf(row: WorklistRow) {
  const { id, state, accessionNumber, patientId, mrStudyInstanceUid, mrAcquisitionDate, site, scanner } = row;
  return [
    id,
    state,
    accessionNumber,
    patientId,
    mrStudyInstanceUid,
    mrAcquisitionDate,
    site,
    scanner,
    row.locateStatus,
    row.pairingOutcome,
    row.intervalDays,
    ...LEVELS.flatMap((level) => {
      const flag = row.flags.find((each) => each.level === level);
      return [flag?.answer, flag?.ctLabel];
    }),
  ];
}

const RESULT_HEADINGS = [
  'accession_number',
  'study_instance_uid',
  'model',
  'model_version',
  'role',
  'level',
  'result',
  'probability',
  'threshold',
  'inference_date',
  'age',
  'sex',
  'site',
  'scanner',
  'field_strength_t',
  'levels',
  'ct_result',
  'ct_date',
  'bmi',
] as const;

function resultCells(row: QaResultRow) {
  return [
    row.accessionNumber,
    row.mrStudyInstanceUid,
    row.model,
    row.modelVersion,
    row.role,
    row.level,
    row.answer,
    row.probability,
    row.threshold,
    row.inferredAt,
    row.age,
    row.sex,
    row.site,
    row.scanner,
    row.fieldStrengthT,
    row.locateStatus,
    row.ctLabel,
    row.ctDate,
    row.bmi,
  ];
}

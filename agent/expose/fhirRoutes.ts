import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { capabilityStatement } from './fhir/capability.js';
import { FHIR_JSON, FhirProblem, operationOutcome } from './fhir/outcome.js';
import { parseSearch, requireJson, SERVED, type ServedType } from './fhir/parameters.js';
import { readServed, type ServedPage, searchServed } from './fhir/served.js';
import type { Looks } from './looks.js';

interface FhirParts {
  readonly config: Pick<Config, 'http'>;
  readonly database: Pick<Database, 'knex'>;
  readonly looks: Looks;
}

interface TypeRoute {
  Params: { type: string };
}
interface IdRoute {
  Params: { type: string; id: string };
}

/** FHIR R4, read only: the results as a server of FHIR is pushed them, for who would rather ask. */
export function addFhir(app: FastifyInstance, { config, database, looks }: FhirParts): void {
  const { knex } = database;
  const startedAt = new Date();

  app.get('/fhir/metadata', { config: { wants: 'anyone' } }, async (request, reply) => {
    negotiate(request);
    return send(reply, capabilityStatement(baseOf(request, config), startedAt));
  });

  app.get<TypeRoute>('/fhir/:type', async (request, reply) => {
    const type = typeOf(request.params.type);
    negotiate(request);
    const query = queryOf(request);
    const page = await searchServed(knex, parseSearch(type, query));
    await looks.noteList(request, `fhir/${type}`, Object.fromEntries(query), page.found.length);
    const cases = new Map(page.found.map((each) => [each.case.id, each.case]));
    for (const each of cases.values()) await looks.noteCase(request, { case: each }, 'fhir search');
    return send(reply, bundleOf(baseOf(request, config), type, query, page));
  });

  app.get<IdRoute>('/fhir/:type/:id', async (request, reply) => {
    const { type, id } = request.params;
    negotiate(request);
    const served = await readServed(knex, typeOf(type), id);
    await looks.noteCase(request, { case: served.case }, 'fhir');
    const { versionId, lastUpdated } = served.resource.meta as { versionId: string; lastUpdated: string };
    const etag = `W/"${versionId}"`;
    reply.header('etag', etag).header('last-modified', new Date(lastUpdated).toUTCString());
    if (isKnown(request.headers['if-none-match'], etag)) return reply.status(304).send();
    return send(reply, served.resource);
  });
}

/** @throws FhirProblem 404 */
function typeOf(name: string): ServedType {
  if (Object.hasOwn(SERVED, name)) return name as ServedType;
  const served = Object.keys(SERVED).join(', ');
  throw new FhirProblem(404, 'not-supported', `there is no ${name.slice(0, 64)} here; there are ${served}`);
}

/** @throws FhirProblem 406 for who takes no JSON */
function negotiate(request: FastifyRequest): void {
  const accept = request.headers.accept ?? '*/*';
  const format = queryOf(request).get('_format');
  if (format) {
    requireJson(format);
    return;
  }
  const isTaken = accept
    .split(',')
    .map((each) => each.split(';')[0]!.trim().toLowerCase())
    .some((each) => ['*/*', 'application/*', 'text/html'].includes(each) || /[/+]json$/.test(each));
  if (!isTaken) requireJson(accept);
}

function queryOf({ url }: FastifyRequest): URLSearchParams {
  return new URLSearchParams(url.split('?')[1] ?? '');
}

/** What it is reached by, as the answers' links have to be. */
function baseOf({ protocol, host }: FastifyRequest, { http }: FhirParts['config']): string {
  return `${http.publicUrl ?? `${protocol}://${host}`}/fhir`;
}

function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag.slice(2));
}

function bundleOf(
  base: string,
  type: ServedType,
  query: URLSearchParams,
  { found, next, heldBack }: ServedPage,
) {
  const link = (relation: string, asked: URLSearchParams) => ({
    relation,
    url: `${base}/${type}${asked.size > 0 ? `?${asked}` : ''}`,
  });
  const following = new URLSearchParams(query);
  if (next !== null) following.set('_after', next);
  const entry = [
    ...found.map(({ resource }) => ({
      fullUrl: `${base}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: 'match' },
    })),
    ...(heldBack > 0 ? [heldBackEntry(heldBack)] : []),
  ];
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    link: [link('self', query), ...(next === null ? [] : [link('next', following)])],
    // R4 has no empty arrays.
    ...(entry.length > 0 ? { entry } : {}),
  };
}

/** What is left out is said (R4 3.1.1.5, an outcome among the matches). */
function heldBackEntry(cases: number) {
  const words = `${cases} cases have a result that is held back (silent mode, or a backfill) and is not shown`;
  return {
    resource: operationOutcome('information', 'not-found', words),
    search: { mode: 'outcome' },
  };
}

function send(reply: FastifyReply, resource: object): FastifyReply {
  return reply.type(FHIR_JSON).send(JSON.stringify(resource));
}

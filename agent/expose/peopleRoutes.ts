import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { listPeopleCases, OPENED, PERSON_VERDICTS, readPeople, THERE } from '../../db/views/people.js';
import { countFacets } from '../../db/views/worklistCounts.js';
import type { Looks } from './looks.js';
import { described } from './openApi.js';
import { peoplePage } from './pages/people.js';
import { peopleCasesPage } from './pages/peopleCases.js';
import { optional, parseQuery, ResultQuery } from './query.js';
import { PeopleAnswer } from './schemas.js';
import type { SendPage } from './types.js';

const PAGE = 50;

/** Dates are the MR's. */
export const PeopleQuery = ResultQuery.pick({ from: true, to: true, site: true, scanner: true });

/** What a number of the page stands for. */
export const PeopleCasesQuery = PeopleQuery.extend({
  there: optional(z.enum([...THERE, 'report'])),
  opened: optional(z.enum(OPENED)),
  person: optional(z.string().max(200)),
  verdict: optional(z.enum([...PERSON_VERDICTS, 'none'])),
  after: optional(z.uuid()),
});

const DOCS = described({
  summary: 'Whether results were there before the report was signed, who opened them and what they said',
  querystring: PeopleQuery,
  answer: PeopleAnswer,
});

/** Who used the results: for those who may read the trail, which says it of each case alone. */
export function addPeople(
  app: FastifyInstance,
  parts: { readonly database: Pick<Database, 'knex'>; readonly looks: Looks; readonly send: SendPage },
): void {
  const { database, looks, send } = parts;
  const { knex } = database;

  app.get('/people', { config: { wants: 'trail' } }, async (request, reply) => {
    const filter = parseQuery(PeopleQuery, request.query);
    const people = await readPeople(knex, filter);
    await looks.noteList(request, 'people', filter, people.results);
    const { site, scanner } = await countFacets(knex, { limit: 1, offset: 0 });
    const main = peoplePage({ people, filter, sites: namesOf(site), scanners: namesOf(scanner) });
    return send(reply, { title: 'People', main });
  });

  app.get('/people/cases', { config: { wants: 'trail' } }, async (request, reply) => {
    const query = parseQuery(PeopleCasesQuery, request.query);
    const found = await listPeopleCases(knex, query, PAGE);
    await looks.noteList(request, 'people cases', query, found.total);
    const main = peopleCasesPage({ ...found, query, isFull: found.rows.length === PAGE });
    return send(reply, { title: 'Results and people', main });
  });

  app.get('/api/v1/people', { config: { wants: 'trail' }, schema: DOCS }, async (request) => {
    const filter = parseQuery(PeopleQuery, request.query);
    const people = await readPeople(knex, filter);
    await looks.noteList(request, 'api people', filter, people.results);
    return people;
  });
}

function namesOf(facet: readonly { readonly value: string }[]): string[] {
  return facet
    .map(({ value }) => value)
    .filter(Boolean)
    .toSorted();
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { listAccounts } from '../../db/tables/accounts.js';
import {
  answerReading,
  closeReadingStudy,
  createReadingStudy,
  listReadingScores,
  listReadingStudies,
  type ReadingStudy,
  readingPicture,
  readReadingStudy,
} from '../../db/tables/readingStudies.js';
import { may } from '../domain/access.js';
import { answersOf, disagreementsOf, isRead, orderFor, readingResults } from '../quality/reading.js';
import type { Looks } from './looks.js';
import { readingDonePage, readingItemPage, readingListPage, readingStudyPage } from './pages/reading.js';
import { BadRequest, NotFound, optional, parseQuery } from './query.js';
import type { SendPage } from './types.js';

export interface ReadingParts {
  readonly database: Pick<Database, 'knex'>;
  readonly looks: Looks;
  readonly send: SendPage;
}

const NewForm = z.object({
  name: z.string().trim().min(1).max(64),
  discs: z.coerce.number().int().min(1).max(2_000),
  seed: z.coerce.number().int().min(0).max(2_147_483_647),
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  stratified: z.literal('yes').optional(),
  readers: z.union([z.string(), z.array(z.string())]).transform((names) => [names].flat()),
});
const AtQuery = z.strictObject({ at: optional(z.coerce.number().int().min(1).max(2_000)) });
const AnswerForm = z.object({
  at: z.coerce.number().int().min(1).max(2_000),
  calcified: z.enum(['yes', 'no']),
  confidence: z.coerce.number().int().min(1).max(5),
});

interface StudyRoute {
  Params: { id: string };
}

/** Reader studies: made by who operates, read blinded by the accounts that are named, by nobody else. */
export function addReading(app: FastifyInstance, parts: ReadingParts): void {
  addStudies(app, parts);
  addReadings(app, parts);
  addAgreeing(app, parts);
}

const JUDGES = { config: { wants: 'judge' } } as const;
const OPERATES = { config: { wants: 'operate' } } as const;

function csrfOf({ principal }: FastifyRequest, reply: FastifyReply): string {
  return principal!.by === 'token' ? '' : reply.generateCsrf();
}

async function studyOf({ knex }: ReadingParts['database'], id: string): Promise<ReadingStudy> {
  const study = await readReadingStudy(knex, id);
  if (!study) throw new NotFound('there is no such reader study');
  return study;
}

/** A reader is told nothing before the study is closed, others not before everybody has read everything. */
function mayKnow(study: ReadingStudy, { principal }: FastifyRequest): boolean {
  const isReader = study.readers.some(({ accountId }) => accountId === principal!.accountId);
  return study.closedAt !== null || (isRead(study) && !isReader);
}

/** @throws NotFound for whoever is no reader of it: a study is nobody else's to read */
function readerOf(study: ReadingStudy, { principal }: FastifyRequest): string {
  const own = study.readers.find(({ accountId }) => accountId === principal!.accountId);
  if (!own) throw new NotFound('you are no reader of this study');
  return own.accountId;
}

function addStudies(app: FastifyInstance, { database, looks, send }: ReadingParts): void {
  const { knex } = database;

  app.get('/reading', async (request, reply) => {
    const { role } = request.principal!;
    const people = may(role, 'operate')
      ? (await listAccounts(knex))
          .filter((each) => each.role === 'radiologist' && !each.disabledAt)
          .map(({ name }) => name)
      : null;
    const main = readingListPage({
      studies: await listReadingStudies(knex),
      people,
      csrf: csrfOf(request, reply),
    });
    return send(reply, { title: 'Reader studies', main });
  });

  app.post('/reading', OPERATES, async (request, reply) => {
    const { readers: names, stratified, ...form } = parseQuery(NewForm, request.body);
    const accounts = await listAccounts(knex);
    const readers = names.map((name) => {
      const account = accounts.find(
        (each) => each.name === name && each.role === 'radiologist' && !each.disabledAt,
      );
      if (!account) throw new BadRequest(`${name} is no radiologist here`);
      return { accountId: account.id, name };
    });
    const asked = { ...form, readers, isStratified: stratified === 'yes', actor: request.principal!.actor };
    const made = await createReadingStudy(knex, asked);
    if (!made) throw new BadRequest(`there is a reader study ${form.name} already`);
    if (made.items === 0) throw new BadRequest('no disc there has a CT that says yes or no');
    return reply.redirect(`/reading/${made.id}`, 303);
  });

  app.get<StudyRoute>('/reading/:id', async (request, reply) => {
    const study = await studyOf(database, request.params.id);
    const { role, accountId } = request.principal!;
    const isReader = study.readers.some((each) => each.accountId === accountId);
    const joint = answersOf(study, null);
    const results = mayKnow(study, request)
      ? readingResults(study, await listReadingScores(knex, study.id))
      : null;
    await looks.noteList(
      request,
      'reader study',
      { id: study.id, results: results !== null || undefined },
      study.items.length,
    );
    const main = readingStudyPage({
      study,
      own: isReader ? { answered: answersOf(study, accountId!).size } : null,
      results,
      openDisagreements: disagreementsOf(study).filter((number) => !joint.has(number)).length,
      mayClose: may(role, 'operate'),
      mayAgree: isReader && study.closedAt === null && isRead(study),
      csrf: csrfOf(request, reply),
    });
    return send(reply, { title: study.name, main });
  });

  app.post<StudyRoute>('/reading/:id/close', OPERATES, async (request, reply) => {
    const { id } = await studyOf(database, request.params.id);
    await closeReadingStudy(knex, id, request.principal!.actor);
    return reply.redirect(`/reading/${id}`, 303);
  });

  app.get<StudyRoute>('/reading/:id/readers.csv', async (request, reply) => {
    const study = await studyOf(database, request.params.id);
    if (!mayKnow(study, request))
      throw new BadRequest('not everybody has read everything yet, or you read and it is not closed');
    await looks.noteList(request, 'readers.csv', { id: study.id }, study.answers.length);
    return reply.type('text/csv; charset=utf-8').send(readersCsv(study));
  });
}

/** As `calcidisc evaluate --readers` takes it; files are those of `calcidisc reading export`. */
export function readersCsv(study: ReadingStudy): string {
  const nameOf = new Map(study.readers.map(({ accountId, name }) => [accountId, name]));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = study.answers.map(({ number, accountId, calcified }) => {
    const who = accountId === null ? 'consensus' : nameOf.get(accountId)!;
    return `${quoted(who)},${number}.png,${calcified ? 'calcified' : 'not-calcified'}`;
  });
  return `${['reader,file,answer', ...lines].join('\n')}\n`;
}

function addReadings(app: FastifyInstance, { database, send }: ReadingParts): void {
  const { knex } = database;

  app.get<StudyRoute>('/reading/:id/read', JUDGES, async (request, reply) => {
    const { at } = parseQuery(AtQuery, request.query);
    const study = await studyOf(database, request.params.id);
    const reader = readerOf(study, request);
    const [order, answers] = [orderFor(study, reader), answersOf(study, reader)];
    const next = order.findIndex(({ number }) => !answers.has(number)) + 1;
    const place = at ?? next;
    if (place === 0 || study.closedAt !== null)
      return send(reply, { title: study.name, main: readingDonePage(study) });
    const item = order[place - 1];
    if (!item) throw new NotFound('there is no such disc');
    const main = readingItemPage({
      study,
      place,
      of: order.length,
      answered: answers.size,
      answer: answers.get(item.number) ?? null,
      said: null,
      path: `/reading/${study.id}/read`,
      picture: `/reading/${study.id}/picture?at=${place}`,
      csrf: csrfOf(request, reply),
    });
    return send(reply, { title: study.name, main });
  });

  app.post<StudyRoute>('/reading/:id/read', JUDGES, async (request, reply) => {
    const { at, calcified, confidence } = parseQuery(AnswerForm, request.body);
    const study = await studyOf(database, request.params.id);
    const accountId = readerOf(study, request);
    const item = orderFor(study, accountId)[at - 1];
    if (!item) throw new NotFound('there is no such disc');
    const answer = {
      studyId: study.id,
      number: item.number,
      accountId,
      calcified: calcified === 'yes',
      confidence,
    };
    const isTaken = await answerReading(knex, { ...answer, answeredBy: request.principal!.actor });
    if (!isTaken) throw new BadRequest('the study is closed');
    return reply.redirect(`/reading/${study.id}/read`, 303);
  });

  app.get<StudyRoute>('/reading/:id/picture', JUDGES, async (request, reply) => {
    const { at = 1 } = parseQuery(AtQuery, request.query);
    const study = await studyOf(database, request.params.id);
    const item = orderFor(study, readerOf(study, request))[at - 1];
    const png = item && (await readingPicture(knex, study.id, item.number));
    if (!png)
      throw new NotFound(
        item ? 'its picture was deleted by policy (retention.regionsDays)' : 'there is no such disc',
      );
    return reply.type('image/png').send(png);
  });
}

/** Where they differ readers look again, together, told what each has said; still no model and no CT. */
function addAgreeing(app: FastifyInstance, { database, send }: ReadingParts): void {
  const { knex } = database;

  /** @throws BadRequest before everybody has read everything */
  async function differing(request: FastifyRequest<StudyRoute>) {
    const study = await studyOf(database, request.params.id);
    const reader = readerOf(study, request);
    if (!isRead(study)) throw new BadRequest('not everybody has read everything yet');
    const numbers = disagreementsOf(study);
    const places = new Map(orderFor(study, reader).map(({ number }, i) => [number, i + 1]));
    return { study, numbers, joint: answersOf(study, null), places };
  }

  app.get<StudyRoute>('/reading/:id/consensus', JUDGES, async (request, reply) => {
    const { at } = parseQuery(AtQuery, request.query);
    const { study, numbers, joint, places } = await differing(request);
    const place = at ?? numbers.findIndex((number) => !joint.has(number)) + 1;
    const number = numbers[place - 1];
    if (number === undefined || study.closedAt !== null) return reply.redirect(`/reading/${study.id}`);
    const main = readingItemPage({
      study,
      place,
      of: numbers.length,
      answered: numbers.filter((each) => joint.has(each)).length,
      answer: joint.get(number) ?? null,
      said: study.readers.flatMap(({ accountId, name }) => {
        const answer = answersOf(study, accountId).get(number);
        return answer ? [{ name, answer }] : [];
      }),
      path: `/reading/${study.id}/consensus`,
      picture: `/reading/${study.id}/picture?at=${places.get(number)}`,
      csrf: csrfOf(request, reply),
    });
    return send(reply, { title: study.name, main });
  });

  app.post<StudyRoute>('/reading/:id/consensus', JUDGES, async (request, reply) => {
    const { at, calcified, confidence } = parseQuery(AnswerForm, request.body);
    const { study, numbers } = await differing(request);
    const number = numbers[at - 1];
    if (number === undefined) throw new NotFound('there is no such disc');
    const answer = { studyId: study.id, number, accountId: null, calcified: calcified === 'yes', confidence };
    const isTaken = await answerReading(knex, { ...answer, answeredBy: request.principal!.actor });
    if (!isTaken) throw new BadRequest('the study is closed');
    return reply.redirect(`/reading/${study.id}/consensus`, 303);
  });
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { hasAccounts } from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import { readLink } from '../access/links.js';
import { logIn } from '../access/logIn.js';
import { openOidc } from '../access/oidc.js';
import { logInByOidc } from '../access/oidcAccount.js';
import { finishSetUp, logInByLink } from '../access/setUp.js';
import { CalcidiscError } from '../domain/errors.js';
import { localPath } from './gate/localPath.js';
import { beginSession, endSession, isHttps } from './gate/sessions.js';
import { layout } from './pages/layout.js';
import { loginPage } from './pages/login.js';
import { setUpPage } from './pages/setUp.js';
import { BadRequest, parseQuery } from './query.js';
import type { HttpParts } from './types.js';

const Text = z.string().max(1_024).default('');
const LoginForm = z.object({ name: Text, password: Text, next: Text });
const SetUpForm = z.object({ token: Text, name: Text, password: Text, repeated: Text });
const TokenQuery = z.object({ token: Text });
const NextQuery = z.object({ next: Text, ended: Text });

/** So many forms of one address in a minute: a password takes a tenth of a second of a core to look at. */
const FORMS = { max: 30, timeWindow: '1 minute' } as const;
const ANYONE = { config: { wants: 'anyone' } } as const;

class TooMany extends Error {
  readonly statusCode = 429;
}

/** How people say who they are: a form, a one-time link, an OpenID Connect provider. */
export function addLogin(app: FastifyInstance, parts: HttpParts): void {
  addForm(app, parts);
  addLinks(app, parts);
  addOidc(app, parts);
  app.post('/logout', { config: { wants: 'known' } }, async (request, reply) => {
    const { actor, name } = request.principal!;
    await endSession(request);
    await appendAudit(parts.database.knex, {
      event: 'LOGOUT',
      subjectType: 'account',
      subjectId: name,
      actor,
    });
    return reply.redirect('/login?ended=1', 303);
  });
}

function addForm(app: FastifyInstance, { config: { http }, database: { knex } }: HttpParts): void {
  const limit = app.createRateLimit(FORMS);

  async function show(request: FastifyRequest, reply: FastifyReply, given: LoginGiven, status = 200) {
    const main = loginPage({
      ...given,
      csrf: reply.generateCsrf(),
      sso: http.oidc?.label ?? null,
      hasOwner: await hasAccounts(knex),
      // The cookie goes by HTTPS alone: the log-in would not last until the next page.
      goTo: isHttps(http) && request.protocol !== 'https' ? (http.publicUrl ?? 'https') : null,
    });
    return sendPage(reply, 'Log in', main, status);
  }

  app.get('/login', ANYONE, async (request, reply) => {
    const { next, ended } = parseQuery(NextQuery, request.query);
    if (request.session.accountId && !ended) return reply.redirect(localPath(next));
    return show(request, reply, { next: localPath(next), message: ended ? 'You are logged out.' : null });
  });

  app.post('/login', ANYONE, async (request, reply) => {
    await take(limit, request);
    const { name, password, next: given } = parseQuery(LoginForm, request.body);
    const next = localPath(given);
    const outcome = await logIn(knex, { name, password, address: request.ip });
    if (outcome.ok) {
      await beginSession(request, outcome.account);
      return reply.redirect(next, 303);
    }
    if (outcome.why === 'wrong')
      return show(
        request,
        reply,
        { next, name, message: 'Name or password is not right.', isWrong: true },
        401,
      );
    const seconds = Math.ceil(outcome.waitMs / 1_000);
    reply.header('retry-after', seconds);
    const message = `Too many tries that failed: wait ${waitWords(seconds)}, then try again.`;
    return show(request, reply, { next, name, message, isWrong: true }, 429);
  });
}

interface LoginGiven {
  readonly next: string;
  readonly name?: string;
  readonly message: string | null;
  readonly isWrong?: boolean;
}

function addLinks(app: FastifyInstance, { database: { knex } }: HttpParts): void {
  const limit = app.createRateLimit(FORMS);

  app.get('/set-up', ANYONE, async (request, reply) => {
    await take(limit, request);
    const { token } = parseQuery(TokenQuery, request.query);
    const { account } = await readLink(knex, token);
    const main = setUpPage({
      token,
      account: account?.name ?? null,
      csrf: reply.generateCsrf(),
      message: null,
    });
    return sendPage(reply, account ? 'Choose a password' : 'Set-up', main);
  });

  app.post('/set-up', ANYONE, async (request, reply) => {
    await take(limit, request);
    const form = parseQuery(SetUpForm, request.body);
    try {
      const account = await finishSetUp(knex, { ...form, address: request.ip });
      await beginSession(request, account);
      return reply.redirect('/', 303);
    } catch (error) {
      if (!(error instanceof CalcidiscError) || error.code !== 'ACCOUNT_REFUSED') throw error;
      const { account } = await readLink(knex, form.token);
      const shown = { token: form.token, account: account?.name ?? null, name: form.name };
      const main = setUpPage({ ...shown, csrf: reply.generateCsrf(), message: error.message });
      return sendPage(reply, 'Set-up', main, 400);
    }
  });

  // Of the demo: whoever started it has it on the terminal.
  app.get('/once', ANYONE, async (request, reply) => {
    await take(limit, request);
    const { token } = parseQuery(TokenQuery, request.query);
    if (request.session.accountId) return reply.redirect('/');
    await beginSession(request, await logInByLink(knex, token, request.ip));
    return reply.redirect('/', 303);
  });
}

function addOidc(app: FastifyInstance, { config: { http }, database: { knex } }: HttpParts): void {
  if (!http.oidc) return;
  const origin = http.publicUrl ?? `${http.tls ? 'https' : 'http'}://${http.host}:${http.port}`;
  const oidc = openOidc(http.oidc, `${origin}/login/oidc/callback`);

  app.get('/login/oidc', ANYONE, async (request, reply) => {
    const { next } = parseQuery(NextQuery, request.query);
    const { url, departure } = await oidc.depart();
    request.session.departure = { ...departure, next: localPath(next) };
    return reply.redirect(url);
  });

  app.get('/login/oidc/callback', ANYONE, async (request, reply) => {
    const { departure } = request.session;
    if (!departure)
      throw new BadRequest(
        'This log-in did not begin here, or took longer than an hour: begin again at /login',
      );
    delete request.session.departure;
    const identity = await oidc.arrive(request.url.split('?')[1] ?? '', departure);
    await beginSession(request, await logInByOidc(knex, identity, request.ip));
    return reply.redirect(localPath(departure.next));
  });
}

type Limit = ReturnType<FastifyInstance['createRateLimit']>;

/** @throws TooMany */
async function take(limit: Limit, request: FastifyRequest): Promise<void> {
  const taken = await limit(request);
  if (!taken.isAllowed && taken.isExceeded)
    throw new TooMany(`that was often: wait ${taken.ttlInSeconds} s, then try again`);
}

function sendPage(
  reply: FastifyReply,
  title: string,
  main: Parameters<typeof layout>[0]['main'],
  status = 200,
) {
  return reply.status(status).type('text/html; charset=utf-8').send(layout({ title, main }));
}

function waitWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 2 ? 'a minute' : `${minutes} minutes`;
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ACCOUNT_ROLES } from '../../config/http.js';
import { deleteSessionsOf } from '../../db/tables/accessSessions.js';
import { findAccount, listAccounts } from '../../db/tables/accounts.js';
import { listApiTokens } from '../../db/tables/apiTokens.js';
import { appendAudit } from '../../db/tables/audit.js';
import { accountNamed, addAccount, changeAccount, setPassword } from '../access/accounts.js';
import { makeLink } from '../access/links.js';
import { logIn } from '../access/logIn.js';
import { addToken, LONGEST_TOKEN_DAYS, revokeToken } from '../access/tokens.js';
import { TOKEN_ROLES, type TokenRole } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import { beginSession } from './gate/sessions.js';
import { menuOf } from './menu.js';
import { accountPage } from './pages/account.js';
import { accountsPage, type Told } from './pages/accounts.js';
import { layout } from './pages/layout.js';
import { parseQuery } from './query.js';
import type { HttpParts } from './types.js';

const Text = z.string().max(1_024).default('');
const PasswordForm = z.object({ old: Text, password: Text, repeated: Text });
const AccountForm = z.object({ name: Text, role: z.enum(ACCOUNT_ROLES) });
const ChangeForm = z.discriminatedUnion('change', [
  z.object({ change: z.literal('role'), role: z.enum(ACCOUNT_ROLES) }),
  z.object({ change: z.enum(['close', 'open', 'link']) }),
]);
const TokenForm = z.object({
  name: Text,
  role: z.enum(TOKEN_ROLES as [TokenRole, ...TokenRole[]]),
  days: z.coerce.number().int().min(1).max(LONGEST_TOKEN_DAYS),
});

/** One's own account, and for administrators everybody's. */
export function addAccounts(app: FastifyInstance, parts: HttpParts): void {
  addOwn(app, parts);
  addEverybodys(app, parts);
}

function addOwn(app: FastifyInstance, { database: { knex } }: HttpParts): void {
  const OWN = { config: { wants: 'known' } } as const;

  async function show(request: FastifyRequest, reply: FastifyReply, message: Told | null, status = 200) {
    const principal = request.principal!;
    const account = principal.accountId ? await findAccount(knex, principal.accountId) : null;
    const csrf = principal.by === 'account' ? reply.generateCsrf() : null;
    return sendPage(reply, 'Account', accountPage({ principal, account, csrf, message }), status);
  }

  app.get('/account', OWN, (request, reply) => show(request, reply, null));

  app.post('/account/password', OWN, async (request, reply) => {
    const { old, password, repeated } = parseQuery(PasswordForm, request.body);
    const account = await ownAccount(request);
    const outcome = await logIn(knex, { name: account.name, password: old, address: request.ip });
    if (!outcome.ok)
      return show(request, reply, { isBad: true, text: 'The password you have now is not right.' }, 400);
    if (password !== repeated)
      return show(request, reply, { isBad: true, text: 'The two new passwords differ.' }, 400);
    try {
      await setPassword(knex, account, password, request.principal!.actor);
    } catch (error) {
      if (!(error instanceof CalcidiscError)) throw error;
      return show(request, reply, { isBad: true, text: error.message }, 400);
    }
    await beginSession(request, account);
    return show(request, reply, { text: 'The password is changed; everywhere else you are logged out.' });
  });

  app.post('/account/sessions/end', OWN, async (request, reply) => {
    const account = await ownAccount(request);
    const sessions = await deleteSessionsOf(knex, account.id);
    await appendAudit(knex, {
      event: 'LOGOUT',
      subjectType: 'account',
      subjectId: account.name,
      actor: request.principal!.actor,
      detail: { sessions },
    });
    return reply.redirect('/login?ended=1', 303);
  });

  async function ownAccount({ principal }: FastifyRequest) {
    const account = principal?.by === 'account' ? await findAccount(knex, principal.accountId!) : null;
    if (account) return account;
    throw new CalcidiscError('ACCOUNT_REFUSED', `${principal?.name} has no session here`);
  }
}

function addEverybodys(app: FastifyInstance, { config: { http }, database: { knex } }: HttpParts): void {
  const MANAGES = { config: { wants: 'accounts' } } as const;

  async function show(request: FastifyRequest, reply: FastifyReply, told: Told | null) {
    const [accounts, tokens] = [await listAccounts(knex), await listApiTokens(knex)];
    const csrf = request.principal!.by === 'token' ? '' : reply.generateCsrf();
    return sendPage(reply, 'Accounts', accountsPage({ accounts, tokens, csrf, told }));
  }
  const origin = ({ protocol, host }: FastifyRequest) => http.publicUrl ?? `${protocol}://${host}`;

  app.get('/accounts', MANAGES, (request, reply) => show(request, reply, null));

  app.post('/accounts', MANAGES, async (request, reply) => {
    const { name, role } = parseQuery(AccountForm, request.body);
    const added = await addAccount(knex, { name, role, actor: request.principal!.actor });
    const text = `${added.account.name} may choose a password by this link, once, until ${day(added.link.expiresAt)}:`;
    return show(request, reply, { text, secret: `${origin(request)}${added.link.path}` });
  });

  app.post<NameRoute>('/accounts/:name', MANAGES, async (request, reply) => {
    const form = parseQuery(ChangeForm, request.body);
    const { actor } = request.principal!;
    const account = await accountNamed(knex, request.params.name);
    if (form.change === 'link') {
      const link = await makeLink(knex, { purpose: 'password', account, actor });
      const text = `${account.name} may choose a new password by this link, once, until ${day(link.expiresAt)}:`;
      return show(request, reply, { text, secret: `${origin(request)}${link.path}` });
    }
    const change = form.change === 'role' ? { role: form.role } : { isClosed: form.change === 'close' };
    await changeAccount(knex, account, change, actor);
    return reply.redirect('/accounts', 303);
  });

  app.post('/tokens', MANAGES, async (request, reply) => {
    const form = parseQuery(TokenForm, request.body);
    const { row, text: secret } = await addToken(knex, { ...form, actor: request.principal!.actor });
    const text = `The token ${row.name} is shown this once; it is good until ${day(row.expiresAt)}:`;
    return show(request, reply, { text, secret });
  });

  app.post<NameRoute>('/tokens/:name/revoke', MANAGES, async (request, reply) => {
    await revokeToken(knex, request.params.name, request.principal!.actor);
    return reply.redirect('/accounts', 303);
  });
}

interface NameRoute {
  Params: { name: string };
}

function day(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function sendPage(
  reply: FastifyReply,
  title: string,
  main: Parameters<typeof layout>[0]['main'],
  status = 200,
) {
  const page = layout({ title, main, menu: menuOf(reply) });
  return reply.status(status).type('text/html; charset=utf-8').send(page);
}

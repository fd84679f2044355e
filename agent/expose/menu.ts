import type { FastifyReply } from 'fastify';
import { may, ROLES, type TokenRole } from '../domain/access.js';

/** What the head of every page says of whoever looks. */
export interface Menu {
  readonly name: string;
  readonly role: TokenRole;
  /** 'open': nobody has to say who they are here yet. */
  readonly by: 'account' | 'token' | 'proxy' | 'open' | 'launch';
  readonly mayManage: boolean;
  readonly mayAudit: boolean;
  readonly mayOperate: boolean;
  /** Whether /metrics would answer them. */
  readonly mayMeasure: boolean;
  /** For the form that logs out; null where there is no session of ours to end. */
  readonly csrf: string | null;
}

/** Null where nobody is logged in. */
export function menuOf(reply: FastifyReply): Menu | null {
  const { principal, session } = reply.request;
  if (!principal) return null;
  const { name, role, by } = principal;
  const csrf = by === 'account' && session ? reply.generateCsrf() : null;
  return {
    name,
    role,
    by,
    mayManage: may(role, 'accounts'),
    mayAudit: may(role, 'trail'),
    mayOperate: may(role, 'operate'),
    mayMeasure: may(role, 'metrics'),
    csrf,
  };
}

/** `radiologist: reads cases and judges them` */
export function roleLine(role: TokenRole): string {
  return `${role}: ${ROLES[role].words}`;
}

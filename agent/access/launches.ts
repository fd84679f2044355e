import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { insertLaunch, takeLaunch } from '../../db/tables/studyLaunches.js';
import { CalcidiscError } from '../domain/errors.js';
import { sha256 } from '../domain/hash.js';
import { newSecret } from './secrets.js';

const MINUTE_MS = 60_000;

export interface LaunchWanted {
  readonly studyInstanceUid: string;
  readonly madeBy: string;
  readonly person: string;
  readonly actor: string;
  /** For how long the link is good. */
  readonly minutes: number;
}

export interface Launch {
  /** Below the page's address; the token is a parameter, which no log has. */
  readonly path: string;
  readonly expiresAt: Date;
}

/** A link that opens one study, once. */
export function makeLaunch(tx: Tx, { minutes, actor, ...wanted }: LaunchWanted): Promise<Launch> {
  const { text, hash } = newSecret();
  const expiresAt = new Date(Date.now() + minutes * MINUTE_MS);
  return tx.transaction(async (trx) => {
    await insertLaunch(trx, { ...wanted, tokenHash: hash, expiresAt });
    await appendAudit(trx, {
      event: 'LAUNCH_MADE',
      subjectType: 'study',
      subjectId: wanted.studyInstanceUid,
      actor,
      detail: { until: expiresAt, ...(wanted.person && { person: wanted.person }) },
    });
    return { path: `/launch?token=${text}`, expiresAt };
  });
}

/** What a browser that was launched may see, and who it is on the trail. */
export interface Launched {
  readonly studyInstanceUid: string;
  readonly name: string;
  /** `launch:ris:dr.house` */
  readonly actor: string;
}

/** Used up. @throws CalcidiscError LINK_INVALID */
export function useLaunch(tx: Tx, token: string, address: string): Promise<Launched> {
  return tx.transaction(async (trx) => {
    const row = await takeLaunch(trx, sha256(token));
    if (!row)
      throw new CalcidiscError(
        'LINK_INVALID',
        'This link was used already, or has expired: open the study again from where you came',
      );
    const { studyInstanceUid, madeBy, person } = row;
    const launched = {
      studyInstanceUid,
      name: person || madeBy,
      actor: `launch:${madeBy}${person && `:${person}`}`,
    };
    await appendAudit(trx, {
      event: 'LOGIN',
      subjectType: 'study',
      subjectId: studyInstanceUid,
      actor: launched.actor,
      detail: { by: 'launch', from: address },
    });
    return launched;
  });
}

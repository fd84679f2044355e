import { may, type Right, type TokenRole } from '../domain/access.js';

/** Whoever asks, once it is known. */
export interface Principal {
  /**
   * 'proxy': a trusted proxy has logged the person in; 'open': nobody has to say who they are yet
   * (http.access "loopback-open"); 'launch': another system opened one study for them.
   */
  readonly by: 'account' | 'token' | 'proxy' | 'open' | 'launch';
  readonly name: string;
  readonly role: TokenRole;
  /** As the trail names them: `user:anna`, `token:pacs`, `http:127.0.0.1`. */
  readonly actor: string;
  readonly accountId?: string;
  /** All that they may see: the case of this study. */
  readonly onlyStudy?: string;
}

/** What an address of the page asks for: one right, only that one is known, or nothing at all. */
export type Wanted = Right | 'known' | 'anyone';

export type Verdict = 'yes' | 'who' | 'no';

/** 'who': nobody has said who asks. */
export function decideAccess(wanted: Wanted, principal: Principal | null): Verdict {
  if (wanted === 'anyone') return 'yes';
  if (!principal) return 'who';
  if (wanted === 'known') return 'yes';
  if (may(principal.role, wanted)) return 'yes';
  return 'no';
}

import type { ACCOUNT_ROLES } from '../../config/http.js';

/** What a person or a program may do here. Each address of the page and of the JSON asks for one of them. */
export const RIGHTS = {
  view: 'see the worklist, cases, pictures and reports, and look for studies',
  judge:
    'say of a case what is so: of a disc, of levels, of whose images they are, of a result that has to go',
  operate:
    'acknowledge alarms of the quality watch, let parked work go on and send refused forms again, have a study read anew, see operations and backfills, choose models, make reader studies',
  trail: 'search the audit trail',
  accounts: 'add, change and close accounts and tokens',
  store: 'send images and documents by DICOMweb (STOW-RS), where http.stow takes them',
  metrics: 'read the numbers of a monitor, where http.metrics asks for a token',
} as const;

export type Right = keyof typeof RIGHTS;

/** Of an account. */
export type Role = (typeof ACCOUNT_ROLES)[number];
/** Of a token: what a program does may need less than any person's role. */
export type TokenRole = Role | 'sender' | 'monitor';

interface RoleRow {
  readonly words: string;
  readonly rights: readonly Right[];
}

/** Who may what, in one table. */
export const ROLES = {
  administrator: {
    words: 'keeps it running, and keeps accounts and tokens',
    rights: ['view', 'operate', 'trail', 'accounts', 'metrics'],
  },
  auditor: { words: 'looks at everything, the trail too, and changes nothing', rights: ['view', 'trail'] },
  radiologist: { words: 'reads cases and judges them', rights: ['view', 'judge'] },
  viewer: { words: 'looks', rights: ['view'] },
  sender: { words: 'a program that sends images and documents, and sees nothing', rights: ['store'] },
  monitor: { words: 'a program that reads metrics', rights: ['metrics'] },
} as const satisfies Record<TokenRole, RoleRow>;

export const TOKEN_ROLES = Object.keys(ROLES) as readonly TokenRole[];

export function may(role: TokenRole, right: Right): boolean {
  return (ROLES[role].rights as readonly Right[]).includes(right);
}

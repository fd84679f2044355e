import type { Wanted } from '../../agent/access/principal.js';
import { ROLES, TOKEN_ROLES, type TokenRole } from '../../agent/domain/access.js';
import type { GuardedRoute } from '../../agent/expose/gate/gate.js';

export type Asker = TokenRole | 'nobody';
export const ASKERS: readonly Asker[] = ['nobody', ...[...TOKEN_ROLES].reverse()];

/** What the table of roles gives each, read here without the code that decides. */
export function expected(wants: Wanted, asker: Asker): 'yes' | 'who' | 'no' {
  if (wants === 'anyone') return 'yes';
  if (asker === 'nobody') return 'who';
  const rights: readonly string[] = ROLES[asker].rights;
  return wants === 'known' || rights.includes(wants) ? 'yes' : 'no';
}

const SIGNS = { yes: 'yes', who: '–', no: '–' } as const;

/** Every address by every role, as docs/access.md has it. HEAD goes with GET. */
export function accessTable(routes: readonly GuardedRoute[]): string {
  const rows = routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url, wants }) => {
      const cells = ASKERS.map((asker) => SIGNS[expected(wants, asker)]);
      return `| \`${method} ${url}\` | ${wants} | ${cells.join(' | ')} |`;
    })
    .sort();
  const head = `| address | asks for | ${ASKERS.join(' | ')} |`;
  return [head, `|---|---|${ASKERS.map(() => '---').join('|')}|`, ...rows].join('\n');
}

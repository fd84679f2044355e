import type { BackfillRow } from '../../db/tables/backfills.js';
import type { AcceptanceScope } from '../../db/views/acceptance.js';
import { type Acceptance, type AcceptanceContext, acceptanceOf } from './acceptance.js';
import { acceptancePage } from './page.js';
import { discFigures } from './pictures.js';

export interface AcceptanceAsked {
  readonly scope: AcceptanceScope;
  /** Null: a range of days. */
  readonly backfill: BackfillRow | null;
  /** As the report names it; null: whichever decided. */
  readonly model: string | null;
}

/** An acceptance report and its page, pictures and all. */
export async function acceptanceDocument(
  context: AcceptanceContext,
  { scope, backfill, model }: AcceptanceAsked,
): Promise<{ readonly acceptance: Acceptance; readonly page: string }> {
  const acceptance = await acceptanceOf(context, scope, backfill, model);
  const pictures = {
    agreements: await discFigures(context.knex, acceptance.agreements),
    disagreements: await discFigures(context.knex, acceptance.disagreements),
  };
  return { acceptance, page: acceptancePage(acceptance, pictures) };
}

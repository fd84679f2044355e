import type { Command } from 'commander';
import { currentRules, decideRoute, ruleFacts } from '../../agent/deliver/route.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { inputFrom, type StoredInput } from '../../agent/report/stored.js';
import { findCase } from '../../db/tables/cases.js';
import { sourceOf } from '../../db/tables/instances.js';
import { findLatestReport } from '../../db/tables/reports.js';
import { findResult, type Route } from '../../db/tables/results.js';
import { findNamedCase } from '../../db/views/lookup.js';
import { withDatabase } from '../database.js';

/** Where the result of a case would go by the rules of now, and where it was decided to go. Sends nothing. */
export async function rulesForCase(command: Command, text: string, asJson: boolean): Promise<void> {
  await withDatabase(
    command,
    async ({ config, database: { knex } }) => {
      const id = await findNamedCase(knex, text);
      const row = id && (await findCase(knex, id));
      if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${text}`);
      const report = await findLatestReport(knex, row.id, row.revision);
      const result = report && (await findResult(knex, report.id));
      if (!result)
        throw new CalcidiscError(
          'REPORT_INVALID',
          `case ${row.id} has no result yet that rules could ask of`,
        );
      const input = inputFrom(result.input as StoredInput);
      const callingAe = await sourceOf(knex, row.mrSeriesInstanceUid);
      const said = {
        caseId: row.id,
        facts: ruleFacts(input, callingAe),
        rules: currentRules(config).rules?.map(({ name }) => name) ?? null,
        now: decideRoute(config, input, callingAe),
        decided: result.route,
      };
      console.log(asJson ? JSON.stringify(said, null, 1) : inWords(said));
    },
    { logLevel: 'warn' },
  );
}

interface Said {
  readonly caseId: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly rules: readonly string[] | null;
  readonly now: Route;
  readonly decided: Route | null;
}

function inWords({ caseId, facts, rules, now, decided }: Said): string {
  return [
    `Case ${caseId}`,
    ...Object.entries(facts).map(([name, value]) => `  ${name} = ${JSON.stringify(value)}`),
    rules ? `Rules: ${rules.join(', ')}` : 'No rules (results.rules): every result goes to every destination',
    `Now:     ${routeInWords(now)}`,
    `Decided: ${decided ? routeInWords(decided) : 'not yet'}`,
  ].join('\n');
}

function routeInWords({ rule, mode, urgency, sends, why }: Route): string {
  const by = rule ? `rule ${rule}` : 'no rule';
  const where = sends.map(({ destination, forms }) => `${destination} (${forms.join(', ')})`).join(', ');
  return [by, mode, urgency, where || 'goes nowhere', why].filter(Boolean).join('; ');
}

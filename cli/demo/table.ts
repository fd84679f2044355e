import { ANSWER_WORDS, type Answer } from '../../agent/domain/answers.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { Database } from '../../db/server/database.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { listMeasurements } from '../../db/tables/measurements.js';

/** The flags as a table: what the model says, what the CT says, what the phantom knows. */
export async function flagTable(
  { knex }: Database,
  { id, revision }: CaseRow,
  truth: ReadonlySet<Level>,
): Promise<string> {
  const inferences = (await listInferences(knex, id, revision)).filter(({ role }) => role === 'active');
  const measurements = await listMeasurements(knex, id, revision);
  const rows = LEVELS.map((level) => {
    const inference = inferences.find((each) => each.level === level);
    const ct = measurements.find((each) => each.level === level);
    return [
      level,
      inference ? `${(100 * inference.probability).toFixed(1)} %` : '–',
      inference ? answerCell(inference.answer) : 'not read',
      ct?.label ?? 'not measured',
      ct?.meanHu == null ? '–' : `${ct.meanHu.toFixed(0)} HU`,
      truth.has(level) ? 'calcified' : 'not calcified',
    ];
  });
  return asTable(['disc', 'P(calcified)', 'model on MR', 'CT reference', 'CT mean', 'phantom truth'], rows);
}

/** A flag in capitals, so that it is seen in a column of answers. */
export function answerCell(answer: Answer): string {
  const words = ANSWER_WORDS[answer];
  return answer === 'calcified' ? words.toUpperCase() : words.toLowerCase();
}

export function asTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

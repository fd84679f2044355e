import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';
import { rowOf } from '../../agent/hear/written/take.js';
import { REPORT_LANGUAGES } from '../../config/hear.js';
import type { Tx } from '../../db/server/knex.js';
import { insertWrittenReport, UNMATCHED_WORDS } from '../../db/tables/writtenReports.js';
import { type CsvRow, parseCsv } from '../../models/evaluation/csv.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';

const optionalText = z.string().default('');
/** One written report a line; other columns are ignored. */
const RowSchema = z
  .object({
    accession: optionalText,
    study: z
      .union([z.literal(''), z.string().regex(/^[0-9.]{1,64}$/, 'is a Study Instance UID')])
      .default(''),
    patient: z.string().min(1, 'says no patient ID'),
    text: z.string().min(1, 'says nothing'),
    status: z
      .string()
      .default('F')
      .transform((status) => status || 'F'),
    signed_by: optionalText,
    signed_at: z
      .string()
      .default('')
      .refine((text) => text === '' || !Number.isNaN(Date.parse(text)), 'is a time as 2026-01-31T08:15:00Z'),
    language: z.union([z.literal(''), z.enum(REPORT_LANGUAGES)]).default(''),
  })
  .refine(({ accession, study }) => accession !== '' || study !== '', 'names no study: accession or study');

type Row = z.output<typeof RowSchema>;

export function register(program: Command): void {
  const reports = program
    .command('reports')
    .description(
      "radiologists' written reports: what their words say of calcified discs, beside the model and the CT",
    );
  reports
    .command('import <csv>')
    .description(
      'reads written reports from a table, one a line, all or none; the same line twice is one report',
    )
    .option('--dry-run', 'says what would be matched and heard, and keeps nothing')
    .addOption(
      new Option('--language <code>', 'what reports are in that do not say').choices([...REPORT_LANGUAGES]),
    )
    .option('--json', 'one JSON document: {reports, new, matched, unmatched, lines}')
    .addHelpText(
      'after',
      '\nColumns: patient (the ID), text, and accession or study (the UID); where known status (F final, C corrected), signed_by,\n' +
        `signed_at (ISO 8601), language (${REPORT_LANGUAGES.join(', ')}). Reports also come by HL7 (docs/configuration.md, hear.hl7).\n` +
        '\nExample:\n  $ calcidisc reports import reports.csv --dry-run',
    )
    .action(importReports);
}

interface Options {
  readonly dryRun?: boolean;
  readonly language?: (typeof REPORT_LANGUAGES)[number];
  readonly json?: boolean;
}

interface Line {
  readonly line: number;
  readonly isNew: boolean;
  readonly study: string | null;
  readonly unmatched: keyof typeof UNMATCHED_WORDS | null;
  readonly language: string | null;
  /** 'L4-L5 calcified' */
  readonly heard: readonly string[];
}

class DryRun extends Error {}

async function importReports(
  file: string,
  { dryRun, language, json }: Options,
  command: Command,
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CalcidiscError('DATASET_INVALID', `cannot read ${file}`, {}, { cause });
  });
  const rows = parseCsv(text, file).map((row) => ({ row, parsed: parsedRow(row, file) }));
  if (rows.length === 0) throw new InvalidArgumentError(`${file} has no report`);
  await withDatabase(
    command,
    async ({ config, database: { knex } }) => {
      const lines: Line[] = [];
      await knex
        .transaction(async (trx) => {
          for (const { row, parsed } of rows)
            lines.push(await keep(trx, row, parsed, language ?? config.hear.language));
          if (dryRun) throw new DryRun();
        })
        .catch((error: unknown) => {
          if (!(error instanceof DryRun)) throw error;
        });
      console.log(json ? JSON.stringify(summaryOf(lines)) : inWords(lines, dryRun ?? false));
    },
    { schema: 'upgrade' },
  );
}

function parsedRow({ line, values }: CsvRow, file: string): Row {
  const parsed = RowSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new CalcidiscError('DATASET_INVALID', `${file}, line ${line}: ${z.prettifyError(parsed.error)}`);
}

async function keep(
  trx: Tx,
  { line, values }: CsvRow,
  row: Row,
  language: Options['language'],
): Promise<Line> {
  const message = JSON.stringify(values);
  const told = rowOf(
    {
      accessionNumbers: row.accession ? [row.accession] : [],
      studyInstanceUid: row.study,
      patientIds: [row.patient],
      status: row.status,
      signedBy: row.signed_by,
      signedAt: row.signed_at ? new Date(row.signed_at) : null,
      text: row.text,
    },
    row.language || language,
  );
  const report = {
    ...told,
    source: 'csv' as const,
    controlId: String(line),
    sender: '',
    message,
    messageSha256: sha256(new TextEncoder().encode(message)),
  };
  const kept = await insertWrittenReport(trx, report, commandActor());
  return {
    line,
    isNew: kept !== null,
    study: kept?.matchedStudy ?? null,
    unmatched: kept?.unmatchedBecause ?? null,
    language: told.language,
    heard: told.discs.flatMap(({ level, heard }) => (heard === 'not-mentioned' ? [] : [`${level} ${heard}`])),
  };
}

function summaryOf(lines: readonly Line[]) {
  const fresh = lines.filter(({ isNew }) => isNew);
  return {
    reports: lines.length,
    new: fresh.length,
    matched: fresh.filter(({ study }) => study !== null).length,
    unmatched: fresh.filter(({ study }) => study === null).length,
    lines,
  };
}

function inWords(lines: readonly Line[], isDry: boolean): string {
  const { reports, matched, unmatched, new: fresh } = summaryOf(lines);
  return [
    ...lines.map(
      ({ line, isNew, study, unmatched: why, language, heard }) =>
        `line ${line}: ${!isNew ? 'there already' : (study ?? `of no study here: ${why ? UNMATCHED_WORDS[why] : ''}`)}; ` +
        `${language ?? 'language not known'}: ${heard.join(', ') || 'no disc mentioned'}`,
    ),
    `${reports} reports${isDry ? ', nothing kept' : ''}: ${fresh} new, ${matched} of a study here, ${unmatched} of none`,
  ].join('\n');
}

import { z } from 'zod';
import { CT_LABELS } from '../../agent/domain/ctLabels.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { type CsvRow, parseCsv } from './csv.js';

const optionalNumber = z
  .string()
  .optional()
  .transform((text) => (text ? Number(text) : null))
  .refine((value) => value === null || Number.isFinite(value), 'must be a number or empty');

/** Ages above 89 come as one group from `calcidisc dataset export`: 90 stands for all of them. */
const age = z
  .string()
  .optional()
  .transform((text) => (text === '90+' ? '90' : text))
  .pipe(optionalNumber);

const LABELS: Readonly<Record<string, boolean | null>> = {
  ...Object.fromEntries(Object.entries(CT_LABELS).map(([label, { isPresent }]) => [label, isPresent])),
  '1': true,
  '0': false,
};

/** One line of labels.csv; other columns are allowed and ignored. */
const LabelSchema = z.object({
  file: z
    .string()
    .min(1)
    .refine((file) => !file.split(/[\\/]/).includes('..'), 'must lie in the folder'),
  patient: z.string().min(1),
  site: z
    .string()
    .optional()
    .transform((site) => site || 'unnamed'),
  level: z.enum(LEVELS),
  label: z
    .string()
    .refine((label) => label in LABELS, 'is calcified (1), not-calcified (0) or indeterminate'),
  age,
  sex: z
    .string()
    .optional()
    .transform((sex) => sex?.toUpperCase() ?? '')
    .pipe(z.enum(['M', 'F', 'O', '']))
    .transform((sex) => sex || null),
  bmi: optionalNumber,
  hu: optionalNumber,
});

/** A region with its reference; what its CT said, never what a model said. */
export interface LabelledRegion extends Omit<z.output<typeof LabelSchema>, 'label'> {
  readonly label: boolean;
}

export interface LabelledSet {
  readonly regions: readonly LabelledRegion[];
  /** Lines whose reference is indeterminate: left out, and counted. */
  readonly indeterminate: number;
}

/**
 * labels.csv of a data set's folder.
 * @throws CalcidiscError DATASET_INVALID naming the line and the column
 */
export function parseLabels(text: string, where: string): LabelledSet {
  const rows = parseCsv(text, where).map((row) => parseRow(row, where));
  const regions = rows.flatMap(({ label, ...rest }) => {
    const known = LABELS[label];
    return known === null || known === undefined ? [] : [{ ...rest, label: known }];
  });
  refuseDoubles(regions, where);
  if (regions.length === 0)
    throw new CalcidiscError('DATASET_INVALID', `${where} has no region with a label`);
  return { regions, indeterminate: rows.length - regions.length };
}

function parseRow({ line, values }: CsvRow, where: string) {
  const parsed = LabelSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new CalcidiscError('DATASET_INVALID', `${where}, line ${line}: ${z.prettifyError(parsed.error)}`);
}

/** A region that is there twice would count twice. */
function refuseDoubles(regions: readonly LabelledRegion[], where: string): void {
  const seen = new Set<string>();
  for (const { file } of regions) {
    if (seen.has(file)) throw new CalcidiscError('DATASET_INVALID', `${where} names ${file} twice`);
    seen.add(file);
  }
}

/** A person's answers: calcified or not, by file. */
export interface Reader {
  readonly name: string;
  readonly answers: ReadonlyMap<string, boolean>;
}

const ReaderSchema = z.object({
  reader: z.string().min(1),
  file: z.string().min(1),
  answer: z
    .string()
    .refine((answer) => LABELS[answer] !== null && answer in LABELS, 'is calcified (1) or not-calcified (0)'),
});

/**
 * Columns reader, file, answer.
 * @throws CalcidiscError DATASET_INVALID
 */
export function parseReaders(text: string, where: string): Reader[] {
  const readers = new Map<string, Map<string, boolean>>();
  for (const { line, values } of parseCsv(text, where)) {
    const parsed = ReaderSchema.safeParse(values);
    if (!parsed.success)
      throw new CalcidiscError('DATASET_INVALID', `${where}, line ${line}: ${z.prettifyError(parsed.error)}`);
    const { reader, file, answer } = parsed.data;
    const answers = readers.get(reader) ?? new Map<string, boolean>();
    readers.set(reader, answers.set(file, LABELS[answer] === true));
  }
  return [...readers].map(([name, answers]) => ({ name, answers }));
}

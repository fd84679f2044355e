/** The columns of labels.csv, in order, and what dataset.json says about them. */
export const COLUMNS = {
  file: 'the picture, 224 by 224, 8-bit grey, exactly as the classifier sees it',
  patient: 'pseudonym; split by this',
  site: 'as --site named it',
  study: 'pseudonym of the MR study',
  case: 'pseudonym of the MR series that was read',
  level: 'L1-L2 to L5-S1',
  label: 'calcified or not-calcified',
  label_source: 'ct (the rule of labelRule) or reader',
  region_source: 'automatic (found by the localiser) or reader (drawn by a person)',
  reader: 'pseudonym of who drew or labelled; empty for none',
  hu: 'mean HU on CT over the calcified region, or over the disc where there is none',
  hu_max: 'maximum HU over the same',
  area_mm2: 'largest sagittal area of the calcified region',
  age: 'completed years at the MR; 90+ above 89',
  sex: 'F, M, O',
  bmi: 'kg/m², from PatientSize and PatientWeight of the MR',
  mr_date: 'not the true date: all dates of a patient are moved by the same number of days',
  ct_date: 'moved as mr_date: the interval between them is true',
} as const;

export type Column = keyof typeof COLUMNS;
/** One line; what is not known is ''. Further columns, one for each model, hold its probabilities. */
export type Line = Readonly<Record<Column, string>> & Readonly<Record<string, string>>;

/** RFC 4180 with line feeds; the header first. */
export function tableText(lines: readonly Line[], models: readonly string[]): string {
  const columns = [...Object.keys(COLUMNS), ...models.map(answerColumn)];
  const rows = lines.map((line) => columns.map((column) => field(line[column] ?? '')).join(','));
  return `${[columns.map(field).join(','), ...rows].join('\n')}\n`;
}

export function answerColumn(model: string): string {
  return `probability ${model}`;
}

/** Rounded for people to read; '' for no number. */
export function numberText(value: number | null, digits: number): string {
  return value === null ? '' : String(Number(value.toFixed(digits)));
}

function field(text: string): string {
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

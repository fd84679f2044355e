import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../agent/domain/hash.js';
import { RUNTIME } from '../../worker/session.js';
import { type Heading, toHtmlReport, toMarkdownReport } from '../study/page.js';
import { allTables, type Table } from '../study/tables.js';
import { type Evaluation, nameOf } from './evaluation.js';
import { writeFigures } from './figureFiles.js';
import { allFigures } from './figures.js';

/** Names of everything the report of an evaluation consists of. */
export function evaluationFiles(
  models: readonly { readonly name: string; readonly version: string }[],
): string[] {
  const figures = [
    'roc',
    'calibration',
    ...models.map(({ name, version }) => `confusion-${name}-${version}`),
  ];
  const pages = ['html', 'md', 'json'].map((ending) => `evaluation.${ending}`);
  return [...pages, ...figures.flatMap((name) => [`${name}.svg`, `${name}.png`])];
}

export function labelsHash(labelsText: string): string {
  return sha256(new TextEncoder().encode(labelsText));
}

/** What is on top of the report: warnings before figures. */
export function headingOf(title: string, { models, ...set }: Evaluation, labelsSha256: string): Heading {
  const simulated = models.filter((model) => model.simulated).map(nameOf);
  return {
    title,
    warnings: [
      'Research software: not a medical device.',
      ...(simulated.length > 0
        ? [
            `Trained on SIMULATED calcification over real anatomy: ${simulated.join(', ')}. No claim about patients follows.`,
          ]
        : []),
      ...models
        .filter(({ knownPatients }) => knownPatients.length > 0)
        .map(
          (model) =>
            `${nameOf(model)} was TRAINED OR TUNED ON ${model.knownPatients.length} of these patients (${model.knownPatients.join(', ')}): ` +
            'its figures mean nothing here.',
        ),
    ],
    facts: [
      [
        'Discs',
        `${set.regions} of ${set.patients} patients, ${set.calcified} calcified; ${set.indeterminate} left out as indeterminate`,
      ],
      ...models.map((model) => [nameOf(model), `SHA-256 ${model.sha256}`] as const),
      ['labels.csv', `SHA-256 ${labelsSha256}`],
      ['Run by', RUNTIME],
    ],
  };
}

/** @returns how many figures there are */
export async function writeEvaluation(
  out: string,
  evaluation: Evaluation,
  heading: Heading,
  labelsSha256: string,
  { more = [], sets = null }: { readonly more?: readonly Table[]; readonly sets?: object | null } = {},
): Promise<number> {
  const [tables, figures] = [[...allTables(evaluation), ...more], allFigures(evaluation)];
  await mkdir(out, { recursive: true });
  const document = { runtime: RUNTIME, labelsSha256, ...evaluation, ...(sets && { sets }) };
  await writeFile(join(out, 'evaluation.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(out, 'evaluation.md'), toMarkdownReport(heading, tables, figures));
  await writeFile(join(out, 'evaluation.html'), toHtmlReport(heading, tables, figures));
  await writeFigures(out, figures);
  return figures.length;
}

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { choose } from '../../agent/read/choose.js';
import { compileRules } from '../../agent/route/rules.js';
import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { folderCandidate, presumed } from '../read/candidates.js';
import { type Folder, type FolderSeries, readFolder } from '../read/folder.js';
import { rulesForCase } from './rulesForCase.js';

export function register(program: Command): void {
  program
    .command('rules')
    .summary('try the rules on files and cases')
    .description('What the rules of the configuration make of series.')
    .command('test')
    .argument('[paths...]', 'DICOM files and folders')
    .summary('what each series is taken for, and why')
    .description(
      'Every series under files and folders with its facts, from all of its images: which rule takes it and why, and\n' +
        'which one of a study would be read by what the headers say. Looks at no pixels: `calcidisc read` does.',
    )
    .option(
      '--from <ae>',
      'the AE title that is taken to have sent them, for rules that ask for CallingAE',
      '',
    )
    .option('--case <case>', 'where the result of a case would go by the rules of results (docs/results.md)')
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc --config site.json rules test ./monday\n  calcidisc --config site.json rules test --case 3f2a\n',
    )
    .action((paths: string[], options: Options, command: Command) => {
      if (options.case !== undefined) return rulesForCase(command, options.case, options.json === true);
      if (paths.length === 0) command.error('error: name DICOM files or folders, or --case CASE');
      return run(program, paths, options);
    });
}

interface Options {
  readonly case?: string;
  readonly from: string;
  readonly json?: boolean;
}

async function run(program: Command, paths: readonly string[], { from, json }: Options): Promise<void> {
  const config = loadConfig(process.env, program.opts().config);
  const folder = await readFolder(
    paths.map((path) => resolve(path)),
    compileRules(config.route),
    from,
    json,
  );
  const tested = { series: testedSeries(folder, config), passedBy: folder.passedBy };
  console.log(json ? JSON.stringify(tested, null, 1) : inWords(tested));
}

interface TestedSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly images: number;
  readonly role: string;
  readonly reason: string;
  readonly acquisitionDate: string | null;
  /** Of an MR that may be read: the one that would be, by the headers, or why another would. */
  readonly choice: { readonly verdict: string; readonly why: string } | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

function testedSeries({ series }: Folder, config: Config): TestedSeries[] {
  const choices = new Map(
    [...new Set(series.map(({ studyInstanceUid }) => studyInstanceUid))].flatMap((study) =>
      choicesIn(
        series.filter(({ studyInstanceUid }) => studyInstanceUid === study),
        config,
      ),
    ),
  );
  return series.map(({ seriesInstanceUid, studyInstanceUid, header, files, known }) => ({
    studyInstanceUid,
    seriesInstanceUid,
    seriesNumber: header.seriesNumber,
    seriesDescription: known.seriesDescription ?? header.seriesDescription ?? '',
    images: files.length,
    role: known.role,
    reason: known.roleReason,
    acquisitionDate: known.acquisitionDate ?? null,
    choice: choices.get(seriesInstanceUid) ?? null,
    facts: known.attributes,
  }));
}

function choicesIn(series: readonly FolderSeries[], config: Config) {
  const candidates = series
    .filter(({ known }) => known.role === 'mr' || known.role === 'check')
    .map((each) => folderCandidate(each, presumed(each)));
  if (!candidates.some(({ role }) => role === 'mr')) return [];
  return choose(candidates, config.read).candidates.map(
    ({ seriesInstanceUid, verdict, why }) => [seriesInstanceUid, { verdict, why }] as const,
  );
}

const CHOICE_WORDS: Readonly<Record<string, string>> = {
  chosen: 'would be read',
  'passed-over': 'would be passed over',
  'check-only': 'would be checked with',
};

function inWords({ series, passedBy }: { series: readonly TestedSeries[]; passedBy: number }): string {
  const lines: string[] = [];
  let study = '';
  for (const each of series) {
    if (each.studyInstanceUid !== study) lines.push(`Study ${each.studyInstanceUid}`);
    study = each.studyInstanceUid;
    const { facts, choice } = each;
    const name = `${each.seriesNumber ?? '-'} ${JSON.stringify(each.seriesDescription)}`;
    lines.push(`  series ${name}, ${each.images} images: ${each.role}`, `    ${each.reason}`);
    lines.push(`    ${each.seriesInstanceUid}, acquired ${each.acquisitionDate ?? 'at no known date'}`);
    for (const kind of (facts.kinds ?? []) as readonly Kind[])
      lines.push(`    - ${kind.pictures} of ${kind.name}: ${kind.orientation}, ${kind.weighting}`);
    if (choice) lines.push(`    ${CHOICE_WORDS[choice.verdict]}${choice.why && `: ${choice.why}`}`);
  }
  if (passedBy > 0) lines.push(`${passedBy} files are no DICOM objects of a series: passed by.`);
  return lines.join('\n');
}

interface Kind {
  readonly name: string;
  readonly pictures: number;
  readonly orientation: string;
  readonly weighting: string;
}

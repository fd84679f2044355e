import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { readersCsv } from '../../agent/expose/readingRoutes.js';
import { answersOf, readingResults } from '../../agent/quality/reading.js';
import type { Tx } from '../../db/server/knex.js';
import { findAccountByName } from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import {
  closeReadingStudy,
  createReadingStudy,
  listReadingPeople,
  listReadingScores,
  listReadingStudies,
  type ReadingStudy,
  readReadingStudy,
} from '../../db/tables/readingStudies.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { parseDate, parseName, parseWhole } from '../dataset/common.js';

interface Json {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const reading = program
    .command('reading')
    .description(
      'reader studies: named people read a chosen set of regions blinded, on the page (docs/reading.md)',
    );
  reading
    .command('create <name>')
    .description('chooses discs whose CT says yes or no, by chance, and names who reads them')
    .requiredOption('--readers <names>', 'accounts with the role radiologist, separated by commas')
    .option('--discs <n>', 'how many', parseWhole, 100)
    .option('--seed <n>', 'of the choice and of the orders', parseWhole, 1)
    .option('--stratified', 'as many calcified as not, as far as there are')
    .option('--from <date>', 'first acquisition date of the MR', parseDate)
    .option('--to <date>', 'last acquisition date of the MR', parseDate)
    .option('--site <name>', 'of one site')
    .option('--json', 'one JSON document: {id, items}')
    .action(create);
  reading
    .command('list')
    .description('all reader studies and how far they are')
    .option('--json', 'one JSON document: [{name, items, readers, closedAt}]')
    .action(list);
  reading
    .command('close <name>')
    .description('no answer is taken any more, and readers see the results')
    .option('--json', 'one JSON document: {name}')
    .action(close);
  reading
    .command('export <name>')
    .description(
      'writes the set without names (labels.csv, PNG) and readers.csv, as `calcidisc evaluate` takes them',
    )
    .requiredOption('--out <folder>', 'where to')
    .option('--json', 'one JSON document: {folder, items, figures, agreement}')
    .addHelpText(
      'after',
      '\nExample:\n  $ calcidisc reading export autumn --out ./autumn\n  $ calcidisc evaluate ./autumn --readers ./autumn/readers.csv --out ./report',
    )
    .action(exportStudy);
}

interface CreateOptions extends Json {
  readonly readers: string;
  readonly discs: number;
  readonly seed: number;
  readonly stratified?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly site?: string;
}

async function create(name: string, options: CreateOptions, command: Command): Promise<void> {
  await withDatabase(
    command,
    async ({ database: { knex } }) => {
      const readers = await readersNamed(knex, options.readers);
      const { discs, seed, stratified = false, from, to, site } = options;
      const asked = { discs, seed, from, to, site, readers, isStratified: stratified, actor: commandActor() };
      const made = await createReadingStudy(knex, { ...asked, name: parseName(name) });
      if (!made) throw new InvalidArgumentError(`there is a reader study ${name} already`);
      if (made.items === 0) throw new InvalidArgumentError('no disc there has a CT that says yes or no');
      console.log(
        options.json ? JSON.stringify(made) : `${name}: ${made.items} discs, read at /reading/${made.id}`,
      );
    },
    { schema: 'upgrade' },
  );
}

async function readersNamed(knex: Tx, names: string) {
  const readers = [];
  for (const name of new Set(names.split(',').map((each) => each.trim()))) {
    const account = await findAccountByName(knex, name);
    if (account?.role !== 'radiologist' || account.disabledAt)
      throw new CalcidiscError('ACCOUNT_UNKNOWN', `${name} is no radiologist here`);
    readers.push({ accountId: account.id, name: account.name });
  }
  return readers;
}

async function list({ json }: Json, command: Command): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const studies = [];
    for (const { id } of await listReadingStudies(knex)) {
      const study = (await readReadingStudy(knex, id))!;
      const readers = study.readers.map(({ accountId, name }) => ({
        name,
        answered: answersOf(study, accountId).size,
      }));
      studies.push({ name: study.name, items: study.items.length, readers, closedAt: study.closedAt });
    }
    const words = studies.map(({ name, items, readers, closedAt }) => {
      const progress = readers.map((each) => `${each.name} ${each.answered}`).join(', ');
      return `${name}: ${items} discs; ${progress}${closedAt ? '; closed' : ''}`;
    });
    console.log(json ? JSON.stringify(studies) : words.join('\n') || 'There is no reader study.');
  });
}

async function close(name: string, { json }: Json, command: Command): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const { id } = await studyNamed(knex, name);
    await closeReadingStudy(knex, id, commandActor());
    console.log(json ? JSON.stringify({ name }) : `${name} is closed`);
  });
}

async function studyNamed(knex: Tx, name: string): Promise<ReadingStudy> {
  const study = await readReadingStudy(knex, name);
  if (study) return study;
  const names = (await listReadingStudies(knex)).map((each) => each.name).join(', ') || 'none';
  throw new InvalidArgumentError(`there is no reader study ${name}; there is ${names}`);
}

async function exportStudy(
  name: string,
  { out, json }: Json & { readonly out: string },
  command: Command,
): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const study = await studyNamed(knex, name);
    const people = await listReadingPeople(knex, study.id);
    await mkdir(out, { recursive: true });
    const patients = new Map<string, string>();
    const lines = ['file,patient,site,level,label,age,sex'];
    const gone = people.filter(({ png }) => png === null).length;
    for (const { number, patientId, age, sex, png } of people) {
      if (!png) continue;
      // Numbered as they come: no name and no number of a patient leaves.
      if (!patients.has(patientId)) patients.set(patientId, `p${patients.size + 1}`);
      const item = study.items.find((each) => each.number === number)!;
      const label = item.ct === null ? 'indeterminate' : item.ct ? 'calcified' : 'not-calcified';
      const years = age === null ? '' : age > 89 ? '90+' : String(age);
      const letter = /^[MFO]$/.test(sex) ? sex : '';
      lines.push(
        [`${number}.png`, patients.get(patientId), 'reading', item.level, label, years, letter].join(','),
      );
      await writeFile(join(out, `${number}.png`), png);
    }
    await writeFile(join(out, 'labels.csv'), `${lines.join('\n')}\n`);
    await writeFile(join(out, 'readers.csv'), readersCsv(study));
    const items = people.length - gone;
    const detail = { items, ...(gone > 0 && { purged: gone }) };
    const subject = { subjectType: 'reading-study', subjectId: study.id };
    await appendAudit(knex, { event: 'DATASET_EXPORTED', ...subject, actor: commandActor(), detail });
    const { figures, agreement } = readingResults(study, await listReadingScores(knex, study.id));
    const told = { folder: out, items, purged: gone, figures, agreement };
    const left = gone > 0 ? `; ${gone} are left out: their pictures were deleted by policy` : '';
    console.log(json ? JSON.stringify(told) : `${out}: labels.csv, readers.csv and ${items} regions${left}`);
  });
}

import type { Command } from 'commander';
import { type Found, type FoundItem, findEverywhere } from '../../agent/expose/find.js';
import { appendAudit } from '../../db/tables/audit.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { EXIT } from '../exitCodes.js';

export function register(program: Command): void {
  program
    .command('find')
    .argument(
      '<text>',
      'accession number, patient ID, UID of study, series or image, part of a name, AE title',
    )
    .summary('where is my study?')
    .description(
      'Says of everything that ever arrived where it is and why: arriving, ignored, read, waiting, parked, delivered,\n' +
        'set aside, refused, or asked of a PACS and not fetched. Names of patients are not printed.',
    )
    .option(
      '--json',
      'one JSON document on stdout: {items: [{kind, what, where, why, caseId, uid, …}], isCut}',
    )
    .addHelpText(
      'after',
      '\nExit code 3: nothing that has arrived is known by that.\n\nExample:\n  calcidisc find A-2024-0117',
    )
    .action((text: string, options: { readonly json?: boolean }, command: Command) =>
      withDatabase(command, (opened) => run(text.trim(), options, opened), { logLevel: 'warn' }),
    );
}

async function run(
  text: string,
  { json }: { readonly json?: boolean },
  { config, database: { knex } }: OpenedDatabase,
): Promise<void> {
  const found = await findEverywhere({ dataDir: config.dataDir, knex }, text);
  await appendAudit(knex, {
    event: 'CASES_QUERIED',
    subjectType: 'case',
    subjectId: 'calcidisc find',
    actor: commandActor(),
    detail: { by: ['q'], found: found.items.length },
  });
  console.log(json ? JSON.stringify(found) : inWords(text, found));
  if (found.items.length === 0) process.exitCode = EXIT.notThere;
}

function inWords(text: string, { items, isCut }: Found): string {
  if (items.length === 0)
    return `Nothing that has arrived is known by ${text}. A refused association is found by the sender's AE title or address.`;
  return [...items.map(lines), ...(isCut ? ['There is more than is shown: ask more narrowly.'] : [])].join(
    '\n',
  );
}

function lines({ patientId, accessionNumber, what, where, why, caseId, uid }: FoundItem): string {
  const whose =
    patientId === null ? '' : `patient ${patientId || '–'}, accession ${accessionNumber || '–'}: `;
  return [
    `${whose}${what}`,
    `  ${where}${caseId ? ` (case ${caseId})` : ''}`,
    ...(why ? [`  ${why}`] : []),
    ...(uid ? [`  ${uid}`] : []),
  ].join('\n');
}

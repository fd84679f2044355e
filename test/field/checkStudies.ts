/**
 * `npm run check:studies -- [--orders 6] [--only repeat,dixon] [--json]`
 *
 * Thirteen kinds of studies as hospitals have them, each sent in seeded random orders over DICOM to a running product:
 * the same single answer for every order, never more than two reports. Exit code 0 only when all is right.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDemoPacs } from '../../cli/demo/pacs.js';
import { asTable } from '../../cli/demo/table.js';
import { startService } from '../../cli/service.js';
import { createLogger } from '../../config/log.js';
import { argumentsOf, wholeNumber, wrongUsage } from '../bench/arguments.js';
import { answerOf, type StudyAnswer, sameAnswer, sendStudy, studiesConfig } from './sendStudies.js';
import { drawSiteStudies, STUDY_NAMES } from './siteStudies.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    orders: { type: 'string', default: '6' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const orders = wholeNumber('orders', options.orders);
const only = options.only?.split(',');
const unknown = (only ?? []).filter((name) => !STUDY_NAMES.includes(name));
if (unknown.length > 0) wrongUsage(`--only takes ${STUDY_NAMES.join(', ')}, not ${unknown.join(', ')}`);
const log = createLogger({ log: { level: 'error' } });
const dir = await mkdtemp(join(tmpdir(), 'calcidisc-studies-'));
const pacs = await openDemoPacs(join(dir, 'pacs'), log);
const service = await startService(studiesConfig(join(dir, 'data'), pacs), log, {
  agent: true,
  worker: true,
});
const answers: StudyAnswer[] = [];
try {
  const studies = await drawSiteStudies(join(dir, 'phantom'), only);
  for (let order = 1; order <= orders; order++) {
    // One order of all studies at a time: they are sent one after another, and waited for together.
    for (const study of studies) await sendStudy(study, order, order, service.dicomPort!);
    const settled = { settledForMs: 10_000, limitMs: 300_000 };
    const told = await Promise.all(
      studies.map((study) => answerOf(service.database, study, order, order, settled)),
    );
    answers.push(...told);
    for (const { study, wrong } of told.filter((each) => each.wrong.length > 0))
      console.error(`order ${order}, ${study}: ${wrong.join('; ')}`);
    console.error(
      `order ${order}: ${told.filter(({ wrong }) => wrong.length === 0).length} of ${told.length} right`,
    );
  }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}
const names = [...new Set(answers.map(({ study }) => study))];
const rows = names.map((name) => {
  const own = answers.filter(({ study }) => study === name);
  const isSame = new Set(own.map(sameAnswer)).size === 1;
  const right = own.filter(({ wrong }) => wrong.length === 0).length;
  const reports = own.map((each) => each.reports);
  const [first] = own;
  return {
    name,
    isRight: isSame && right === own.length,
    cells: [
      name,
      `${right} of ${own.length}`,
      isSame ? 'same' : 'DIFFERS',
      `${Math.min(...reports)}–${Math.max(...reports)}`,
      first!.read,
      first!.ct ?? '–',
    ],
  };
});
console.log(
  options.json
    ? JSON.stringify(answers)
    : asTable(
        ['study', 'right', 'answer', 'reports', 'read', 'CT'],
        rows.map(({ cells }) => cells),
      ),
);
process.exit(rows.every(({ isRight }) => isRight) ? 0 : 1);

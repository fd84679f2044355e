/**
 * `npm run bench:soak -- [--year 20000] [--studies 200] [--every 20] [--svg FILE] [--json]`
 *
 * The day after a year: a database that holds a year's rows (seeded, `calcidisc seed`), then real studies, one after
 * the other, one in four with a CT, through everything to the report in the PACS. Every so many studies: memory and open files of the
 * process (agent, worker and senders in one), size and dead rows of the database, rows that wait in the queue,
 * milliseconds of the worklist's first page, of its counts and of a case. Last line: the first and last of these and
 * what one study adds, as JSON; --svg draws the curves. What grows without end shows here; times are of this machine.
 */
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { openDemoPacs } from '../../cli/demo/pacs.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { readCaseView } from '../../db/views/caseView.js';
import { listWorklist } from '../../db/views/worklist.js';
import { countFacets } from '../../db/views/worklistCounts.js';
import { drawSiteStudies, forRun, patientOfRun } from '../field/siteStudies.js';
import { until } from '../support/until.js';
import { argumentsOf, wholeNumber } from './arguments.js';
import { drawCurves } from './curves.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    year: { type: 'string', default: '20000' },
    studies: { type: 'string', default: '200' },
    every: { type: 'string', default: '20' },
    svg: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const year = wholeNumber('year', options.year, 0);
const studies = wholeNumber('studies', options.studies);
const every = wholeNumber('every', options.every);
const WITH_CT = 4;
const LIMIT_MS = 300_000;

const log = createLogger({ log: { level: 'error' } });
const dir = await mkdtemp(join(tmpdir(), 'calcidisc-soak-'));
const pacs = await openDemoPacs(join(dir, 'pacs'), log);
const config = parseConfig({
  dataDir: join(dir, 'data'),
  log: { level: 'error' },
  dicom: { port: 0 },
  http: { port: 0 },
  route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
});
const service = await startService(config, log, { agent: true, worker: true });
const { knex } = service.database;
try {
  if (year > 0) {
    const seeding = { studies: year, seed: 1, until: '2026-10-31', reports: 1, actor: 'bench' };
    await seedDatabase(knex, config, log, seeding);
    await knex.raw('ANALYZE');
  }
  const [drawn] = await drawSiteStudies(join(dir, 'phantom'), ['scout']);
  const looks: Look[] = [];
  // The first loads the networks.
  await one(0);
  looks.push(await look(0));
  for (let run = 1; run <= studies; run++) {
    await one(run);
    if (run % every !== 0 && run !== studies) continue;
    looks.push(await look(run));
    if (!options.json) console.error(JSON.stringify(looks.at(-1)));
  }
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const perStudy = (of: (look: Look) => number) => Number(((of(last) - of(first)) / studies).toFixed(3));
  if (options.svg) await writeFile(options.svg, drawCurves(looks, `a year of ${year} in the database`));
  console.log(
    JSON.stringify({
      year,
      ...{ studies, first, last },
      perStudy: {
        memoryMiB: perStudy(({ memoryMiB }) => memoryMiB),
        openFiles: perStudy(({ openFiles }) => openFiles),
        databaseMiB: perStudy(({ databaseMiB }) => databaseMiB),
        waiting: perStudy(({ waiting }) => waiting),
      },
    }),
  );

  /** One study to its report in the PACS. */
  async function one(run: number): Promise<void> {
    for (const callingAe of ['CT1', 'MR1']) {
      if (callingAe === 'CT1' && run % WITH_CT !== 0) continue;
      const { files } = drawn!.sendings.find((sending) => sending.callingAe === callingAe)!;
      const peer = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe };
      const results = await storeFiles({ ...peer, files: files.map((file) => forRun(file, run)) });
      const refused = results.find(({ isStored }) => !isStored);
      if (refused) throw refused.error ?? new Error(`refused with ${refused.status}`);
    }
    await until(async () => {
      const row: { state: string } | undefined = await knex('case')
        .join('study', 'study.studyInstanceUid', 'case.mrStudyInstanceUid')
        .where({ patientId: patientOfRun('scout', run) })
        .first('state');
      return row?.state === 'delivered';
    }, LIMIT_MS);
  }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}

type Look = Awaited<ReturnType<typeof look>>;

async function look(done: number) {
  const { rows } = await knex.raw(
    `SELECT pg_database_size(current_database())::float8 AS bytes,
            (SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_user_tables) AS dead,
            (SELECT count(*)::int FROM "case" WHERE state NOT IN ('delivered', 'closed', 'parked', 'reported')) AS waiting`,
  );
  const [{ bytes, dead, waiting }] = rows as [{ bytes: number; dead: number; waiting: number }];
  const filter = { limit: 50, offset: 0 };
  const [newest] = await listWorklist(knex, filter);
  return {
    studies: done,
    memoryMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
    openFiles: openFiles(),
    databaseMiB: Number((bytes / 2 ** 20).toFixed(1)),
    deadRows: dead,
    waiting,
    worklistMs: await milliseconds(() => listWorklist(knex, filter)),
    countsMs: await milliseconds(() => countFacets(knex, filter)),
    caseMs: newest ? await milliseconds(() => readCaseView(knex, newest.id)) : 0,
  };
}

/** Median of five. */
async function milliseconds(what: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const begun = performance.now();
    await what();
    times.push(performance.now() - begun);
  }
  return Math.round(times.toSorted((a, b) => a - b)[2]!);
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

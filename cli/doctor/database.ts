import { asCalcidiscError } from '../../agent/domain/errors.js';
import { flagAlarm } from '../../agent/domain/flagShare.js';
import { createLogger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { lookAtEmbedded } from '../../db/server/embeddedFolder.js';
import { migrationState } from '../../db/server/migrate.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { listModels } from '../../db/tables/models.js';
import {
  countParked,
  listRefusingDestinations,
  listWaitingForClassifier,
} from '../../db/views/conditions.js';
import { countFlagged } from '../../db/views/toldDiscs.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { classifiersAtWork } from '../../models/catalogue/registry.js';
import { checkAgents } from './agents.js';
import { checkAnchors } from './anchors.js';
import { checkBackfills } from './backfills.js';
import type { Finding } from './finding.js';
import { checkRefusals, checkUnread } from './receiving.js';

const SETTING = 'database.url, DATABASE_URL';

/** The database and what stands in it. An embedded one that does not run is looked at where it lies, not started. */
export async function checkDatabase(config: Config): Promise<Finding[]> {
  const { url } = config.database;
  if (url) return lookInside('database', url, config);
  const what = 'embedded database';
  const { folder, state, problem, url: running } = await lookAtEmbedded(config.dataDir);
  if (problem) return [{ what, verdict: 'failed', detail: problem, setting: 'dataDir, CALCIDISC_DATA' }];
  if (running) return lookInside(what, running, config);
  const detail = {
    absent: `${folder} is not there: the first start makes it`,
    stopped: `${folder} is there and not running: what stands in it was not looked at`,
    running: `${folder} is running, and its password cannot be read`,
  }[state];
  return [{ what, verdict: state === 'running' ? 'failed' : 'ok', detail }];
}

async function lookInside(what: string, url: string, config: Config): Promise<Finding[]> {
  const there = { ...config, database: { ...config.database, url } };
  try {
    const database = await openDatabase(there, createLogger({ log: { level: 'silent' } }), { schema: 'any' });
    try {
      return await lookAtContents(what, database, config);
    } finally {
      await database.close();
    }
  } catch (thrown) {
    const advice = 'check host, port, account and database, and that the server lets this machine in';
    const detail = asCalcidiscError(thrown).message;
    return [{ what, verdict: 'failed', detail, setting: SETTING, advice }];
  }
}

async function lookAtContents(what: string, { knex }: Database, config: Config): Promise<Finding[]> {
  const { rows } = await knex.raw("SELECT current_setting('server_version') AS version");
  const server = `PostgreSQL ${rows[0].version}`;
  const { applied, pending, unknown } = await migrationState(knex);
  if (unknown.length > 0) {
    const detail = `${server}; written by a newer version of Calcidisc (${unknown.join(', ')})`;
    const advice = 'install the version that wrote it, or restore a backup of before';
    return [{ what, verdict: 'failed', detail, advice }];
  }
  if (applied.length === 0)
    return [{ what, verdict: 'ok', detail: `${server}, empty: the first start fills it` }];
  if (pending.length > 0) {
    const detail = `${server}, of an older version of Calcidisc (${pending.join(', ')} to come)`;
    const advice = 'the next start brings it up to date; back it up before (calcidisc backup)';
    return [{ what, verdict: 'warning', detail, advice }, await checkTrail(knex)];
  }
  return [
    { what, verdict: 'ok', detail: server },
    await checkTrail(knex),
    ...(await checkAnchors(knex, config)),
    await checkClassifier(knex, config),
    ...(await checkFlags(knex, config)),
    ...(await checkCases(knex, config)),
    ...(await checkBackfills(knex)),
    ...(await checkAgents(knex, config)),
    await checkRefusals({ knex }),
    await checkUnread({ knex }, config),
  ];
}

async function checkTrail(knex: Database['knex']): Promise<Finding> {
  const what = 'audit trail';
  const verdict = await verifyAudit(knex);
  if (verdict.ok)
    return {
      what,
      verdict: 'ok',
      detail: `${verdict.rows} events, ${verdict.from > 1 ? `the chain is whole from row ${verdict.from} on, where a policy cut it` : 'the chain is whole'}`,
    };
  const detail = `event ${verdict.seq}: ${verdict.problem}`;
  const advice = 'compare with an exported head (calcidisc audit verify)';
  return { what, verdict: 'failed', detail, advice };
}

/** A host without the models may be an agent whose workers run elsewhere; what they say stands on their cases. */
async function checkClassifier(knex: Database['knex'], config: Config): Promise<Finding> {
  const what = 'classifier';
  if ((await listModels(knex, { kind: 'classifier' })).length === 0)
    return { what, verdict: 'ok', detail: 'none yet: the first worker that starts brings what it has' };
  const [waiting] = await listWaitingForClassifier(knex);
  const atWork = await classifiersAtWork(knex, modelFoldersOf(config));
  if (!('missing' in atWork) && !waiting) {
    const { name, version } = atWork.active.row;
    return { what, verdict: 'ok', detail: `${name}@${version} decides, ${atWork.shadows.length} beside it` };
  }
  const why = 'missing' in atWork ? atWork.missing : waiting!.waitingFor;
  const wait = waiting ? `; ${waiting.cases} cases wait for it` : '';
  return {
    what,
    verdict: 'failed',
    detail: `${why}${wait}`,
    advice: '`calcidisc model list` shows which there are',
  };
}

/** Said only when there is something to say. */
async function checkFlags(knex: Database['knex'], { report }: Config): Promise<Finding[]> {
  const flags = await countFlagged(knex, report.flaggedOver);
  const alarm = flags && flagAlarm(flags, report);
  if (!alarm) return [];
  const setting = 'report.flaggedAtMost, report.flaggedOver';
  return [{ what: 'share of discs flagged', verdict: 'warning', detail: alarm, setting }];
}

async function checkCases(knex: Database['knex'], { route }: Config): Promise<Finding[]> {
  const parked = [...(await countParked(knex))];
  const refusing = await listRefusingDestinations(
    knex,
    route.destinations.map(({ name }) => name),
  );
  return [
    ...refusing.map(
      ({ destination, reports, lastError }): Finding => ({
        what: `reports to ${destination}`,
        verdict: 'failed',
        detail: `${reports} refused for good: ${lastError}`,
        advice:
          'mend the cause, then `calcidisc case ID --retry REASON` for each (calcidisc list --state parked)',
      }),
    ),
    ...(parked.length === 0
      ? []
      : [
          {
            what: 'cases',
            verdict: 'warning' as const,
            detail: `parked for a person: ${parked.map(([code, cases]) => `${cases} ${code}`).join(', ')}`,
            advice: '`calcidisc list --state parked` names them, `calcidisc case ID` says why',
          },
        ]),
  ];
}

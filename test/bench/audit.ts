/**
 * `npm run bench:audit -- [--seconds 10] [--writers 1,2,4,8] [--json]`
 *
 * The audit trail is one chain: whoever appends holds it until his commit. Writers, each a connection of its own on a real
 * PostgreSQL that syncs to disk, append one event a transaction for so many seconds; by turns with the same rows
 * written without the chain, so that the ratio says what the chain costs. At the end the chain is verified. Last
 * line: events a second with and without the chain for each number of writers, as JSON (bench:burst
 * says how many events a study makes).
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { openDatabase } from '../../db/server/database.js';
import { createKnex, json } from '../../db/server/knex.js';
import { appendAudit, verifyAudit } from '../../db/tables/audit.js';
import { argumentsOf, wholeNumber, wrongUsage } from './arguments.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    seconds: { type: 'string', default: '10' },
    writers: { type: 'string', default: '1,2,4,8' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = wholeNumber('seconds', options.seconds);
const counts = options.writers.split(',').map((text) => wholeNumber('writers', text));
if (Math.max(...counts) > 64) wrongUsage('--writers takes at most 64');
type Write = (run: ReturnType<typeof createKnex>) => Promise<unknown>;

const dir = await mkdtemp(join(tmpdir(), 'calcidisc-audit-'));
const log = createLogger({ log: { level: 'error' } });
const database = await openDatabase(parseConfig({ dataDir: dir }), log);
const { knex, url } = database;
try {
  await knex.raw('CREATE TABLE without_chain (LIKE audit_event INCLUDING ALL EXCLUDING INDEXES)');
  const event = { event: 'CASE_MOVED', subjectType: 'case' } as const;
  const detail = { from: 'located', to: 'classified', revision: 1 };
  const chained: Write = (run) =>
    run.transaction((trx) => appendAudit(trx, { ...event, subjectId: randomUUID(), detail }));
  await chained(knex);
  const [like] = await knex('auditEvent').select().limit(1);
  const plain: Write = (run) =>
    run.transaction((trx) =>
      trx('withoutChain').insert({ ...like, subjectId: randomUUID(), detail: json(detail) }),
    );
  const told: Record<string, { chain: number; plain: number; ratio: number }> = {};
  for (const count of counts) {
    const pools = Array.from({ length: count }, () => createKnex(url, 1));
    const per = { chain: 0, plain: 0 };
    for (const half of [0, 1]) {
      per.chain += await rate(pools, chained, half);
      per.plain += await rate(pools, plain, half);
    }
    for (const pool of pools) await pool.destroy();
    const [chain, without] = [Math.round(per.chain / 2), Math.round(per.plain / 2)];
    told[count] = { chain, plain: without, ratio: Number((chain / without).toFixed(2)) };
    if (!options.json)
      console.log(`${count} writers: ${chain} events a second in the chain, ${without} without it`);
  }
  const verdict = await verifyAudit(knex);
  if (!verdict.ok) throw new Error(`the chain is broken at ${verdict.seq}: ${verdict.problem}`);
  console.log(JSON.stringify({ writers: told, verified: verdict.rows }));
} finally {
  await database.close();
  await rm(dir, { recursive: true, force: true });
}

/** Transactions a second of all writers together. */
async function rate(
  pools: readonly ReturnType<typeof createKnex>[],
  write: Write,
  half: number,
): Promise<number> {
  // The first turn also opens the connections.
  if (half === 0) await Promise.all(pools.map(write));
  const begun = performance.now();
  const end = begun + (seconds * 1_000) / 2;
  let done = 0;
  await Promise.all(
    pools.map(async (pool) => {
      for (; performance.now() < end; done++) await write(pool);
    }),
  );
  return done / ((performance.now() - begun) / 1_000);
}

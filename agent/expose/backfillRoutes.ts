import type { FastifyInstance } from 'fastify';
import { isAnyClaimHeld } from '../../db/server/presence.js';
import { listBackfillStudies } from '../../db/tables/backfillStudies.js';
import { type BackfillRow, findBackfill, findBackfills } from '../../db/tables/backfills.js';
import { progressOf } from '../../db/views/backfillProgress.js';
import type { Looks } from './looks.js';
import { backfillPage, backfillsPage } from './pages/backfill.js';
import { NotFound } from './query.js';
import type { HttpParts, SendPage } from './types.js';

export interface BackfillRouteParts extends Pick<HttpParts, 'config' | 'database'> {
  readonly looks: Looks;
  /** As a page of the console. */
  readonly send: SendPage;
}

/** Backfills for who keeps the installation: how far, what was left out and why, and the acceptance report. */
export function addBackfills(
  app: FastifyInstance,
  { config, database, looks, send }: BackfillRouteParts,
): void {
  const { knex } = database;
  const OPERATE = { config: { wants: 'operate' } } as const;
  const reports = openReports((row) => acceptanceOfBackfill({ knex, dataDir: config.dataDir }, row));

  async function named(id: string): Promise<BackfillRow> {
    const row = UUID.test(id) ? await findBackfill(knex, id) : null;
    if (!row) throw new NotFound('there is no such backfill');
    return row;
  }

  app.get('/backfill', OPERATE, async (_request, reply) => {
    const rows = await findBackfills(knex, null);
    const all = await Promise.all(rows.map(({ id }) => progressOf(knex, id)));
    const main = backfillsPage(all, await isAnyClaimHeld(knex));
    return send(reply, { title: 'Backfill', main, ...(rows.some(isOpen) ? { refreshSeconds: 5 } : {}) });
  });

  app.get<{ Params: { id: string } }>('/backfill/:id', OPERATE, async (request, reply) => {
    const row = await named(request.params.id);
    const studies = await listBackfillStudies(knex, row.id);
    await looks.noteList(request, 'backfill', { backfill: row.id }, studies.length);
    const main = backfillPage(await progressOf(knex, row.id), studies, await isAnyClaimHeld(knex));
    return send(reply, { title: 'Backfill', main, ...(isOpen(row) ? { refreshSeconds: 5 } : {}) });
  });

  app.get<{ Params: { id: string } }>('/backfill/:id/acceptance', OPERATE, async (request, reply) => {
    const row = await named(request.params.id);
    await looks.noteList(request, 'acceptance report', { backfill: row.id }, null);
    return (
      reply
        .type('text/html; charset=utf-8')
        // One file with its own style and pictures in it; nothing else is loaded or run.
        .header('content-security-policy', REPORT_POLICY)
        .send(await reports(row))
    );
  });
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const isOpen = ({ state }: BackfillRow) => state === 'searching' || state === 'reading';

async function acceptanceOfBackfill(
  context: { readonly knex: HttpParts['database']['knex']; readonly dataDir: string },
  row: BackfillRow,
): Promise<string> {
  // Only who asks for one loads what works it out.
  const { acceptanceOf } = await import('../../models/acceptance/acceptance.js');
  const { acceptancePage } = await import('../../models/acceptance/page.js');
  const { discFigures } = await import('../../models/acceptance/pictures.js');
  const acceptance = await acceptanceOf(context, { backfillId: row.id, from: null, to: null }, row);
  return acceptancePage(acceptance, {
    agreements: await discFigures(context.knex, acceptance.agreements),
    disagreements: await discFigures(context.knex, acceptance.disagreements),
  });
}

const REMEMBERED_MS = 60_000;

/** One is worked out at a time, and kept for a minute: it reads a header of every case. */
function openReports(make: (row: BackfillRow) => Promise<string>): (row: BackfillRow) => Promise<string> {
  let last: { readonly id: string; readonly at: number; readonly report: Promise<string> } | null = null;
  return async (row) => {
    const before = last;
    if (before?.id === row.id && performance.now() - before.at < REMEMBERED_MS) return before.report;
    const report = (before?.report ?? Promise.resolve('')).catch(() => '').then(() => make(row));
    const now = { id: row.id, at: performance.now(), report };
    last = now;
    report.catch(() => {
      if (last === now) last = null;
    });
    return report;
  };
}

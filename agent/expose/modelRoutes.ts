import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { listAudit } from '../../db/tables/audit.js';
import { listModels, type ModelChange, type ModelRow, setLocalBounds } from '../../db/tables/models.js';
import { countAcceptanceCases } from '../../db/views/acceptance.js';
import { listModelUse } from '../../db/views/modelUse.js';
import { acceptanceDocument } from '../../models/acceptance/document.js';
import { compareVersions } from '../../models/catalogue/card.js';
import { cardChanges } from '../../models/catalogue/cardChanges.js';
import { boundsOf } from '../../models/catalogue/localBounds.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { cardOf, commandModel, previousActive, resolveModel } from '../../models/catalogue/registry.js';
import { may } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Looks } from './looks.js';
import { type ModelEntry, modelPage, modelPath, modelsPage, nameOf } from './pages/models.js';
import { BadRequest, optional, parseQuery } from './query.js';
import type { HttpParts, SendPage } from './types.js';

export type ModelParts = HttpParts & { readonly looks: Looks; readonly send: SendPage };

const Reason = z.string().trim().min(1, 'a reason has to be said').max(300);
const Probability = z.coerce.number().min(0).max(1);
const ChangeForm = z.discriminatedUnion('change', [
  z.object({ change: z.enum(['activate', 'shadow', 'retire']), reason: Reason }),
  z.object({
    change: z.literal('threshold'),
    reason: Reason,
    threshold: z.string().min(1).transform(Number).pipe(z.number().min(0).max(1)),
    indeterminateFrom: optional(Probability),
  }),
  z.object({ change: z.literal('card'), reason: Reason }),
]);
const DaysQuery = z.strictObject({ from: z.iso.date(), to: z.iso.date() });

const STATE_OF = { activate: 'active', shadow: 'shadow', retire: 'retired' } as const satisfies Record<
  string,
  ModelChange['to']
>;

/** Of each case a file is read, and its discs' pictures are drawn: what is longer is for a command. */
const MOST_CASES = 500;

interface ModelRoute {
  Params: { name: string; version: string };
}

/** The registry of models, for whoever looks; changes by the same functions as `calcidisc model`. */
export function addModels(app: FastifyInstance, parts: ModelParts): void {
  addLists(app, parts);
  addChanges(app, parts);
  addAcceptance(app, parts);
}

/** For forms; null where whoever looks may change nothing. */
function csrfFor({ principal }: FastifyRequest, reply: FastifyReply): string | null {
  if (!may(principal!.role, 'operate')) return null;
  return principal!.by === 'token' ? '' : reply.generateCsrf();
}

function addLists(app: FastifyInstance, { config, database: { knex }, send }: ModelParts): void {
  app.get('/models', async (request, reply) => {
    const uses = await listModelUse(knex);
    const entries: ModelEntry[] = [];
    for (const row of (await listModels(knex)).toSorted(byState)) entries.push(await entryOf(row, uses));
    const before = await previousActive(knex).catch(nothingBefore);
    const main = modelsPage({
      entries,
      localiser: config.locate.model,
      before: before && nameOf(before),
      csrf: csrfFor(request, reply),
    });
    return send(reply, { title: 'Models', main });
  });

  app.get<ModelRoute>('/models/:name/:version', async (request, reply) => {
    const row = await resolveModel(knex, request.params);
    const versions = (await listModels(knex, { name: row.name })).toSorted((a, b) =>
      compareVersions(b.version, a.version),
    );
    const older = versions.find(({ version }) => compareVersions(version, row.version) < 0);
    const main = modelPage({
      ...(await entryOf(row, await listModelUse(knex))),
      trail: await listAudit(knex, 'model', row.id),
      versions: versions.filter(({ id }) => id !== row.id),
      before: older ? { row: older, changes: cardChanges(older.card, row.card) } : null,
      threshold: row.kind === 'classifier' ? cardOf(row).threshold : null,
      csrf: csrfFor(request, reply),
    });
    return send(reply, { title: nameOf(row), main });
  });

  async function entryOf(row: ModelRow, uses: Awaited<ReturnType<typeof listModelUse>>): Promise<ModelEntry> {
    const trail = await listAudit(knex, 'model', row.id);
    const lastChange = trail.find(({ event }) => event !== 'MODEL_BOUNDS_SET') ?? null;
    return { row, use: uses.find(({ modelId }) => modelId === row.id) ?? null, lastChange };
  }
}

const ORDER = { active: 0, shadow: 1, registered: 2, retired: 3 } as const;

function byState(a: ModelRow, b: ModelRow): number {
  const order = ORDER[a.state] - ORDER[b.state] || a.name.localeCompare(b.name);
  return order || compareVersions(b.version, a.version);
}

function nothingBefore(error: unknown): null {
  if (error instanceof CalcidiscError && error.code === 'MODEL_STATE') return null;
  throw error;
}

function addChanges(app: FastifyInstance, { config, database: { knex } }: ModelParts): void {
  const OPERATES = { config: { wants: 'operate' } } as const;
  const folders = modelFoldersOf(config);

  app.post<ModelRoute>('/models/:name/:version', OPERATES, async (request, reply) => {
    const form = parseQuery(ChangeForm, request.body);
    const { actor } = request.principal!;
    const { reason } = form;
    const row = await resolveModel(knex, request.params);
    if (form.change === 'card' || form.change === 'threshold') {
      const { threshold, indeterminateFrom } = { indeterminateFrom: undefined, threshold: 0, ...form };
      const asked = { threshold, ...(indeterminateFrom !== undefined && { indeterminateFrom }) };
      const card = cardOf({ ...row, localBounds: null });
      const bounds = form.change === 'card' ? null : boundsOf(asked, card);
      await setLocalBounds(knex, { id: row.id, bounds, actor, reason });
    } else {
      await commandModel(knex, folders, { reference: row, to: STATE_OF[form.change], actor, reason });
    }
    return reply.redirect(modelPath(row), 303);
  });

  app.post('/models/rollback', OPERATES, async (request, reply) => {
    const { reason } = parseQuery(z.object({ reason: Reason }), request.body);
    const { actor } = request.principal!;
    const reference = await previousActive(knex);
    await commandModel(knex, folders, { reference, to: 'active', actor, reason, isRollback: true });
    return reply.redirect('/models', 303);
  });
}

function addAcceptance(app: FastifyInstance, { config, database: { knex }, looks }: ModelParts): void {
  app.get<ModelRoute>('/models/:name/:version/acceptance.html', async (request, reply) => {
    const days = parseQuery(DaysQuery, request.query);
    const row = await resolveModel(knex, request.params);
    const scope = { ...days, backfillId: null, modelId: row.id };
    const cases = await countAcceptanceCases(knex, scope);
    if (cases > MOST_CASES)
      throw new BadRequest(
        `${cases} cases are too many for a page (${MOST_CASES}): calcidisc backfill report --model ${nameOf(row)} --from ${days.from} --to ${days.to}`,
      );
    await looks.noteList(request, 'acceptance report', { model: nameOf(row), ...days }, cases);
    const asked = { scope, backfill: null, model: nameOf(row) };
    const { page } = await acceptanceDocument({ knex, dataDir: config.dataDir }, asked);
    return reply
      .type('text/html; charset=utf-8')
      .header('content-disposition', `attachment; filename="acceptance-${row.name}-${row.version}.html"`)
      .send(page);
  });
}

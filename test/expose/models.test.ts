import assert from 'node:assert/strict';
import type { RunningHttp } from '../../agent/expose/server.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { listAudit } from '../../db/tables/audit.js';
import { listModels, type ModelRow } from '../../db/tables/models.js';
import { listModelUse } from '../../db/views/modelUse.js';
import { cardChanges } from '../../models/catalogue/cardChanges.js';
import { settleDefault } from '../../models/catalogue/defaultClassifier.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { PASSWORD, person, page as startPage, token } from '../access/rig.js';
import { Visitor } from '../access/visitor.js';
import { quietLog, useDatabase } from '../support/database.js';

describe('expose: models', function () {
  this.timeout(300_000);
  const db = useDatabase();
  let http: RunningHttp;
  let root: Visitor;

  before(async () => {
    const options = { studies: 60, seed: 9, until: '2026-06-30', reports: 5, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    await person(db.database, 'root', 'administrator');
    http = await startPage(db);
    root = new Visitor(`http://127.0.0.1:${http.port}`);
    assert.equal((await root.logIn('root', PASSWORD)).status, 303);
  });
  after(() => http?.close());

  const at = async (state: ModelRow['state']) =>
    (await listModels(db.database.knex, { kind: 'classifier' })).filter((row) => row.state === state);
  const pathOf = ({ name, version }: ModelRow) => `/models/${name}/${version}`;
  const lastOn = async ({ id }: ModelRow) => (await listAudit(db.database.knex, 'model', id))[0]!;

  it('lists every model with its state and what it did here, and the figures are those of the tables', async () => {
    const { text } = await root.get('/models');
    for (const { name, version } of await listModels(db.database.knex))
      assert.ok(text.includes(`${name}@${version}`), name);
    const [active] = await at('active');
    const use = (await listModelUse(db.database.knex)).find(({ modelId }) => modelId === active!.id)!;
    const { rows } = await db.database.knex.raw(
      `SELECT count(DISTINCT case_id)::integer AS cases, count(*) FILTER (WHERE answer = 'calcified')::integer AS flagged,
              count(*) FILTER (WHERE outcome = 'false-negative')::integer AS missed FROM qa_result
        WHERE model = ? AND model_version = ?`,
      [active!.name, active!.version],
    );
    assert.deepEqual(
      [use.cases, use.flagged, use.falseNegative],
      [rows[0].cases, rows[0].flagged, rows[0].missed],
    );
    assert.match(text, new RegExp(`<a href="/quality/discs\\?model=[^"]+">${use.cases}</a>`));
  });

  it('one model: its card to read, what changed, its trail; every count opens the discs', async () => {
    const [shadow] = await at('shadow');
    const { status, text } = await root.get(pathOf(shadow!));
    assert.equal(status, 200);
    assert.match(text, /simulated calcification over real anatomy/);
    assert.match(text, /Intended use/);
    const links = [...text.matchAll(/href="(\/quality\/discs[^"]*)">(\d+)</g)];
    assert.ok(links.length >= 3);
    for (const [, link, count] of links) {
      const list = await root.get(link!.replaceAll('&amp;', '&'));
      const [, discs, cases] = /<small>(\d+) of (\d+) cases/.exec(list.text)!;
      assert.ok([discs, cases].includes(count), `${link} says ${discs} of ${cases}, not ${count}`);
    }
    const newest = (await listModels(db.database.knex, { name: 'resnet34' })).find(
      ({ version }) => version === '4',
    )!;
    assert.match((await root.get(pathOf(newest))).text, /Changed from resnet34@2[\s\S]*threshold/);
    assert.equal((await root.get('/models/resnet34/99')).status, 404);
  });

  it('promote, shadow, retire, roll back and a threshold: with a reason, on the trail, as the command does it', async () => {
    const [active] = await at('active');
    const [shadow] = await at('shadow');
    const path = pathOf(shadow!);
    assert.equal((await root.post(path, { change: 'activate', reason: ' ' })).status, 400);
    assert.equal((await at('active'))[0]!.id, active!.id);
    assert.equal((await root.post(path, { change: 'activate', reason: 'better <i>here</i>' })).status, 303);
    assert.equal((await at('active'))[0]!.id, shadow!.id);
    const promoted = await lastOn(shadow!);
    assert.deepEqual(
      [promoted.event, promoted.actor, promoted.detail.reason],
      ['MODEL_ACTIVATED', 'user:root', 'better <i>here</i>'],
    );
    assert.ok((await root.get('/models')).text.includes('better &lt;i&gt;here&lt;/i&gt;'));

    assert.equal((await root.post('/models/rollback', { reason: 'it was not' }, '/models')).status, 303);
    assert.equal((await at('active'))[0]!.id, active!.id);
    assert.deepEqual((await lastOn(active!)).detail.rollback, true);

    assert.equal((await root.post(path, { change: 'shadow', reason: 'to watch' })).status, 303);
    assert.equal((await root.post(path, { change: 'retire', reason: 'no room' })).status, 303);
    assert.equal(
      (await at('retired')).some(({ id }) => id === shadow!.id),
      true,
    );
    const refused = await root.post(pathOf(active!), { change: 'retire', reason: 'x' });
    assert.equal(refused.status, 409);
    assert.match(refused.text, /activate another model first/);

    const threshold = { change: 'threshold', threshold: '0.9', reason: '5 % of our discs' };
    assert.equal((await root.post(pathOf(active!), { ...threshold, threshold: '1.5' })).status, 400);
    assert.equal((await root.post(pathOf(active!), { ...threshold, threshold: '' })).status, 400);
    assert.equal((await root.post(pathOf(active!), threshold)).status, 303);
    assert.equal((await at('active'))[0]!.localBounds!.threshold, 0.9);
    assert.match((await root.get(pathOf(active!))).text, /calcified from 0\.900[^<]*set by this site/);
    assert.equal((await root.post(pathOf(active!), { change: 'card', reason: 'back' })).status, 303);
    assert.equal((await at('active'))[0]!.localBounds, null);
  });

  it('who may not operate sees no form and changes nothing', async () => {
    const text = await token(db.database, 'looker', 'auditor');
    const looker = new Visitor(root.origin, { authorization: `Bearer ${text}` });
    const [active] = await at('active');
    assert.doesNotMatch((await looker.get(pathOf(active!))).text, /<form[^>]*method="post"[^>]*models/);
    const answer = await looker.send('POST', pathOf(active!), { change: 'card', reason: 'x' });
    assert.equal(answer.status, 403);
    const forged = await root.send('POST', '/models/rollback', { reason: 'x', _csrf: 'y' });
    assert.equal(forged.status, 403);
  });

  it("an acceptance report of a shadow's answers, to keep; what is too long is for a command", async () => {
    const [other] = (await listModels(db.database.knex, { kind: 'classifier' })).filter(
      ({ state }) => state === 'shadow',
    );
    const path = `${pathOf(other!)}/acceptance.html`;
    const { status, text, headers } = await root.get(`${path}?from=2024-01-01&to=2026-12-31`);
    assert.equal(status, 200);
    assert.match(headers.get('content-disposition') ?? '', /attachment; filename="acceptance-/);
    assert.ok(text.includes(`The answers are those of ${other!.name}@${other!.version}`));
    const { rows } = await db.database.knex.raw(
      `SELECT count(*)::integer AS flagged FROM qa_result WHERE model = ? AND model_version = ? AND answer = 'calcified'`,
      [other!.name, other!.version],
    );
    assert.match(text, new RegExp(`flagged: calcified</td><td>${rows[0].flagged}<`));
    assert.equal((await root.get(path)).status, 400);
  });

  it("a person's reason that begins like the program's own stays a person's choice", async () => {
    const { knex } = db.database;
    const old = (await listModels(knex, { name: 'resnet34' })).find(({ version }) => version === '2')!;
    const form = { change: 'activate', reason: 'the default: none was active' };
    assert.equal((await root.post(pathOf(old), form)).status, 303);
    await settleDefault(knex, modelFoldersOf(db.config), quietLog);
    assert.equal((await at('active'))[0]!.id, old.id);
  });

  it('what changed between two cards', () => {
    const changes = cardChanges(
      { version: '1', threshold: 0.5, training: { steps: 3, seed: 1 }, gone: true },
      { version: '2', threshold: 0.6, training: { steps: 3, seed: 2 }, new: [1] },
    );
    assert.deepEqual(changes, [
      { entry: 'threshold', before: 0.5, after: 0.6 },
      { entry: 'training.seed', before: 1, after: 2 },
      { entry: 'new', before: undefined, after: [1] },
      { entry: 'gone', before: true, after: undefined },
    ]);
  });
});

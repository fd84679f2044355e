import assert from 'node:assert/strict';
import { deliverReport } from '../../agent/deliver/deliver.js';
import { parseConfig } from '../../config/load.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listDeliveries } from '../../db/tables/deliveries.js';
import type { ReportRow } from '../../db/tables/reports.js';
import { sendAgain } from '../../db/tables/sendAgain.js';
import { PASSWORD, page, person, token } from '../access/rig.js';
import { csrfOf, Visitor } from '../access/visitor.js';
import { quietLog, useDatabase } from '../support/database.js';
import { answeringScp } from './answeringScp.js';
import { insertRoutedCase } from './reportedCase.js';

describe('deliver: what was refused goes out again on a person’s word', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let row: CaseRow;
  let report: ReportRow;
  beforeEach(async () => {
    const sends = ['pacs', 'second'].map((destination) => ({ destination, forms: ['sr', 'sc', 'pdf'] }));
    const route = { mode: 'live', rule: null, urgency: 'routine', sends, why: null } as const;
    ({ row, report } = await insertRoutedCase(db.database, route));
  });

  const knex = () => db.database.knex;
  const configFor = (...ports: readonly { readonly port: number }[]) =>
    parseConfig({
      route: {
        destinations: ports.map(({ port }, i) => ({
          name: ['pacs', 'second'][i]!,
          aeTitle: 'PACS',
          host: '127.0.0.1',
          port,
          forms: ['sr', 'sc', 'pdf'],
        })),
      },
      deliver: { firstRetryMs: 1 },
    });
  const caseNow = async (): Promise<CaseRow> => knex()('case').where({ id: row.id }).first('*');
  const deliver = async (config: ReturnType<typeof configFor>) =>
    deliverReport({ config, database: db.database, log: quietLog, case: await caseNow() });
  const setState = (state: string, parkedFrom: string | null = null) =>
    knex()('case').where({ id: row.id }).update({ state, parkedFrom });
  const again = (config: ReturnType<typeof configFor>) =>
    knex().transaction((trx) =>
      sendAgain(trx, config.route.destinations, {
        caseId: row.id,
        reason: 'it takes pictures now',
        actor: 'user:qa',
      }),
    );

  it('a form that the PACS refused, of a case that was delivered: that form alone, once', async () => {
    const pacs = await answeringScp(0x0000, 0x0122, 0x0000, 0x0000);
    const config = configFor(pacs);
    assert.equal(await deliver(config), 'delivered');
    await setState('delivered');
    assert.deepEqual(await again(config), {
      from: null,
      refused: [{ destination: 'pacs', forms: ['sc'] }],
      notices: 0,
    });
    assert.equal((await caseNow()).state, 'reported');
    const before = pacs.received.length;
    assert.equal(await deliver(config), 'delivered');
    assert.equal(pacs.received.length, before + 1, 'what it has is not sent again');
    const [delivery] = await listDeliveries(knex(), report.id);
    assert.deepEqual([delivery!.forms.toSorted(), delivery!.lastError], [['pdf', 'sc', 'sr'], null]);
    const events = await knex()('auditEvent').where({ event: 'FORMS_SENT_AGAIN', subjectId: row.id });
    assert.deepEqual(
      events.map(({ actor, detail }) => [actor, detail.reason]),
      [['user:qa', 'it takes pictures now']],
    );
    await setState('delivered');
    assert.equal(await again(config), null, 'nothing is left, and nothing is written');
    assert.equal((await caseNow()).state, 'delivered');
    pacs.close();
  });

  it('a parked case with a destination beside it that refused a form: both', async () => {
    const [pacs, second] = [
      await answeringScp(0x0000, 0x0122, 0x0000, 0x0000),
      await answeringScp(0x0122, 0x0000, 0x0000, 0x0000),
    ];
    const config = configFor(pacs, second);
    assert.match(Object(await deliver(config)).parked, /second: /);
    await setState('parked', 'reported');
    const sent = await again(config);
    assert.deepEqual([sent?.from, sent?.refused], ['reported', [{ destination: 'pacs', forms: ['sc'] }]]);
    assert.equal(await deliver(config), 'delivered');
    assert.deepEqual(
      (await listDeliveries(knex(), report.id)).map(({ forms }) => forms.length),
      [3, 3],
    );
    pacs.close();
    second.close();
  });

  it('the page of the case offers it to who may let work go on, and to nobody else', async () => {
    const pacs = await answeringScp(0x0000, 0x0122, 0x0000);
    const config = configFor(pacs);
    assert.equal(await deliver(config), 'delivered');
    await setState('delivered');
    const http = await page({ config: { ...db.config, route: config.route }, database: db.database });
    const base = `http://127.0.0.1:${http.port}`;
    try {
      await person(db.database, 'ada', 'administrator');
      const viewer = new Visitor(base, {
        authorization: `Bearer ${await token(db.database, 'pacs-viewer', 'viewer')}`,
      });
      assert.doesNotMatch((await viewer.get(`/cases/${row.id}`)).text, /Send again/);
      const refused = await viewer.send('POST', `/cases/${row.id}/send-again`, { reason: 'x' });
      assert.equal(refused.status, 403);
      const ada = new Visitor(base, { accept: 'text/html' });
      const _csrf = csrfOf((await ada.get('/login')).text);
      await ada.send('POST', '/login', { _csrf, name: 'ada', password: PASSWORD });
      const shown = (await ada.get(`/cases/${row.id}`)).text;
      assert.match(shown, /pacs is sent sc again/);
      const without = await ada.send('POST', `/cases/${row.id}/send-again`, { reason: 'mended' });
      assert.equal(without.status, 403, 'a form of another page is turned away');
      assert.equal((await caseNow()).state, 'delivered');
      const answer = await ada.send('POST', `/cases/${row.id}/send-again`, {
        _csrf: csrfOf(shown),
        reason: 'mended',
      });
      assert.equal(answer.status, 303);
      assert.equal((await caseNow()).state, 'reported');
      const [event] = await knex()('auditEvent').where({ event: 'FORMS_SENT_AGAIN', subjectId: row.id });
      assert.equal(event.actor, 'user:ada');
    } finally {
      await http.close();
      pacs.close();
    }
  });
});

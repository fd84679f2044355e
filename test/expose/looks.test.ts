import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { startHttp } from '../../agent/expose/server.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { headHash } from '../../db/tables/audit.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { calcidisc } from '../support/command.js';
import { OPEN_PAGE, quietLog, useDatabase } from '../support/database.js';

interface Look {
  readonly event: string;
  readonly actor: string;
  readonly subjectId: string;
  readonly detail: { readonly what?: string; readonly by?: unknown };
}

describe('who looked', function () {
  this.timeout(60_000);
  const db = useDatabase({ http: { port: 0 } });
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
  let id: string;
  before(async () => {
    id = (await insertReportedCase(db.database)).row.id;
  });

  /** What stands on the trail after something was done. */
  const noted = async (act: () => Promise<unknown>): Promise<Look[]> => {
    const { knex } = db.database;
    const { seq } = await headHash(knex);
    await act();
    return knex('auditEvent').where('seq', '>', seq).orderBy('seq').select('*');
  };
  /** Asked of a service of its own, which remembers no look of before. */
  const ask = (path: string, headers: Record<string, string> = {}, settings: ConfigInput['http'] = {}) =>
    noted(async () => {
      const config = parseConfig({
        ...structuredClone(db.config),
        http: { port: 0, ...OPEN_PAGE, ...settings },
      });
      const http = await startHttp({ config, database: db.database, queues, log: quietLog });
      await fetch(`http://127.0.0.1:${http.port}${path}`, { headers }).then((answer) => answer.arrayBuffer());
      await http.close();
    });

  const SHOWN = {
    '/': 'CASES_QUERIED',
    '/api/cases': 'CASES_QUERIED',
    '/find?q=P-1': 'CASES_QUERIED',
    '/api/find?q=P-1': 'CASES_QUERIED',
    '/cases/ID': 'CASE_VIEWED',
    '/api/cases/ID': 'CASE_VIEWED',
    '/api/cases/ID/report.txt': 'CASE_VIEWED',
    '/api/cases/ID/report.dcm': 'REPORT_DOWNLOADED',
    '/api/cases/ID/slice.png': 'CASE_VIEWED',
    '/api/cases/ID/regions/L4-L5.png': 'CASE_VIEWED',
    '/api/cases/ID/regions/L4-L5/cam.png': 'CASE_VIEWED',
  } as const;
  for (const [path, event] of Object.entries(SHOWN))
    it(`${path} is on the trail, once, with who asked and without whom for`, async () => {
      const looks = await ask(path.replace('ID', id));
      assert.deepEqual(
        looks.map((look) => [look.event, look.actor]),
        [[event, 'http:127.0.0.1']],
      );
      assert.ok(!JSON.stringify(looks[0]!.detail).includes('P-1'), 'what was typed may be a name');
      if (event !== 'CASES_QUERIED') assert.equal(looks[0]!.subjectId, id);
    });

  const PROXY: ConfigInput['http'] = {
    access: 'required',
    trustedProxies: ['127.0.0.1'],
    userHeader: 'x-remote-user',
    userRole: 'viewer',
  };
  const VIA = { 'x-forwarded-for': '10.1.2.3', 'x-remote-user': 'anna' };
  const seen = (looks: readonly Look[]) =>
    looks.filter(({ event }) => event === 'CASES_QUERIED').map(({ actor }) => actor);

  it('behind a trusted proxy it is the person it names; whom it does not name sees nothing', async () => {
    assert.deepEqual(seen(await ask('/', VIA, PROXY)), ['user:anna']);
    const { 'x-remote-user': _, ...addressOnly } = VIA;
    assert.deepEqual(seen(await ask('/', addressOnly, PROXY)), []);
  });

  it('from elsewhere such headers are what anybody may write: nothing is shown for them', async () => {
    assert.deepEqual(seen(await ask('/', VIA)), []);
    assert.deepEqual(seen(await ask('/', VIA, { ...PROXY, trustedProxies: ['10.9.9.9'] })), []);
  });

  const account = `user:${userInfo().username}`;
  const COMMANDS = {
    list: ['CASES_QUERIED'],
    'find P-1': ['CASES_QUERIED'],
    'case ID --report': ['CASE_VIEWED'],
    'replay ID': ['CASE_REPLAYED'],
    'audit export': ['AUDIT_EXPORTED'],
  };
  for (const [line, events] of Object.entries(COMMANDS))
    it(`calcidisc ${line} is on the trail with the operating system’s account`, async () => {
      const env = { CALCIDISC_DATA: db.config.dataDir, DATABASE_URL: db.config.database.url! };
      const looks = await noted(() => calcidisc(line.replace('ID', id).split(' '), { env }));
      assert.deepEqual(
        looks.map((look) => [look.event, look.actor]),
        events.map((event) => [event, account]),
      );
    });
});

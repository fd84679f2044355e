import assert from 'node:assert/strict';
import type { RunningHttp } from '../../agent/expose/server.js';
import { createLogger } from '../../config/log.js';
import { page, token } from '../access/rig.js';
import { useDatabase } from '../support/database.js';

describe('expose: what went wrong, without a shell', () => {
  const db = useDatabase();
  let http: RunningHttp;
  let key: string;
  before(async () => {
    http = await page(db);
    key = await token(db.database, 'operations', 'administrator');
  });
  after(() => http.close());

  const shown = async () => {
    const authorization = `Bearer ${key}`;
    const answer = await fetch(`http://127.0.0.1:${http.port}/operations`, { headers: { authorization } });
    assert.equal(answer.status, 200);
    return answer.text();
  };

  it('warnings and errors of the log stand on the page: each kind once and counted, as text', async () => {
    const log = createLogger({ log: { level: 'info' } }).child({ part: 'test' });
    log.info({ caseId: 'c-0' }, 'an everyday word');
    log.warn({ caseId: 'c-1' }, 'a <b>step</b> failed');
    log.warn({ caseId: 'c-2' }, 'a <b>step</b> failed');
    log.error({ err: new Error('no such host') }, 'the PACS does not answer');
    const html = await shown();
    const section = html.slice(html.indexOf('id="log"'));
    assert.match(section, /warn<\/td><td>test<\/td><td>a &lt;b&gt;step&lt;\/b&gt; failed<\/td>/);
    assert.match(section, /caseId=c-2<\/small><\/td><td class="number">2<\/td>/);
    assert.match(section, /the PACS does not answer: no such host/);
    assert.doesNotMatch(section, /everyday word|c-1/);
    assert.ok(section.indexOf('the PACS') < section.indexOf('caseId=c-2'), 'the newest first');
  });
});

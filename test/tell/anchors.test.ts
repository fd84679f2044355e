import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { startAnchors } from '../../agent/tell/anchors.js';
import { checkAnchors } from '../../cli/doctor/anchors.js';
import { ConfigSchema } from '../../config/schema.js';
import { appendAudit, headHash, verifyAudit } from '../../db/tables/audit.js';
import { listAnchors } from '../../db/tables/auditAnchors.js';
import { calcidisc } from '../support/command.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

const run = promisify(execFile);

/** A time-stamping authority: OpenSSL's own, behind HTTP. */
class Authority {
  /** Answers the first request's answer to every later one. */
  isReplaying = false;
  private first: Buffer | null = null;
  private readonly server: Server;

  constructor(private readonly dir: string) {
    this.server = createServer(async (request, answer) => {
      const query = await buffer(request);
      if (!this.isReplaying || !this.first) this.first = await this.reply(query);
      answer.setHeader('content-type', 'application/timestamp-reply').end(this.first);
    });
  }

  async open(): Promise<string> {
    const at = (name: string) => join(this.dir, name);
    const openssl = (...args: string[]) => run('openssl', args);
    const key = ['-newkey', 'rsa:2048', '-nodes'];
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.pem'),
      '-subj',
      '/CN=ca',
      '-days',
      '1',
    );
    await openssl('req', ...key, '-keyout', at('tsa.key'), '-out', at('tsa.csr'), '-subj', '/CN=tsa');
    await writeFile(at('ext'), 'extendedKeyUsage=critical,timeStamping\n');
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext')];
    await openssl('x509', '-req', '-in', at('tsa.csr'), ...by, '-days', '1', '-out', at('tsa.pem'));
    await writeFile(at('serial'), '01\n');
    const settings = {
      serial: at('serial'),
      signer_cert: at('tsa.pem'),
      signer_key: at('tsa.key'),
      certs: at('ca.pem'),
      signer_digest: 'sha256',
      default_policy: '1.2.3.4.1',
      digests: 'sha256',
      ess_cert_id_alg: 'sha256',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    await writeFile(at('ts.cnf'), `[own]\n${lines.join('\n')}\n`);
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/tsr`;
  }

  private async reply(query: Buffer): Promise<Buffer> {
    const [asked, given] = [join(this.dir, 'q.tsq'), join(this.dir, 'r.tsr')];
    await writeFile(asked, query);
    const config = ['-config', join(this.dir, 'ts.cnf'), '-section', 'own'];
    await run('openssl', ['ts', '-reply', ...config, '-queryfile', asked, '-out', given]);
    return readFile(given);
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

/** As somebody with the whole database may: every row after is hashed anew, and the chain holds. */
const REWRITE = `
  DO $$
  DECLARE
    e audit_event;
    last text := repeat('0', 64);
  BEGIN
    FOR e IN SELECT * FROM audit_event ORDER BY seq LOOP
      IF e.seq = 1 THEN e.actor := 'user:nobody'; END IF;
      e.prev_hash := last;
      e.hash := audit_hash(e);
      last := e.hash;
      UPDATE audit_event SET actor = e.actor, prev_hash = e.prev_hash, hash = e.hash WHERE seq = e.seq;
    END LOOP;
  END $$`;

describe('tell: the head of the trail, anchored elsewhere', function () {
  this.timeout(120_000);
  // Before the database goes, which takes its hook from the next line.
  after(async () => {
    await authority?.close();
    if (dir) await rm(dir, { recursive: true });
  });
  const db = useDatabase();
  let authority: Authority;
  let dir: string;
  let timeStampUrl: string;
  let file: string;

  before(async function () {
    needsPeer(this, 'openssl');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-anchors-'));
    file = join(dir, 'anchors.txt');
    authority = new Authority(dir);
    timeStampUrl = await authority.open();
  });

  const settings = () => ({
    audit: ConfigSchema.shape.audit.parse({ anchor: { file, timeStampUrl, everyMs: 50 } }),
  });
  const start = (log = quietLog) => startAnchors({ config: settings(), database: db.database, log });
  const grow = () =>
    appendAudit(db.database.knex, { event: 'LOGIN', subjectType: 'account', subjectId: 'anna' });
  const command = (...args: string[]) =>
    calcidisc(['audit', ...args], {
      env: { DATABASE_URL: db.database.url, CALCIDISC_DATA: db.config.dataDir },
    });

  it('a line in the file and a stamp that OpenSSL believes, once for each head', async () => {
    const { knex } = db.database;
    await grow();
    const head = await headHash(knex);
    const anchors = start();
    await until(async () => (await listAnchors(knex)).length === 2, 30_000);
    await new Promise((done) => setTimeout(done, 300));
    await anchors.close();
    const rows = await listAnchors(knex);
    assert.deepEqual(
      rows.map(({ kind, seq, hash }) => [kind, seq, hash]),
      [
        ['file', Number(head.seq), head.hash],
        ['rfc3161', Number(head.seq), head.hash],
      ],
    );
    assert.match(await readFile(file, 'utf8'), new RegExp(`^\\S+Z ${head.seq}:${head.hash}\\n$`));
    await writeFile(join(dir, 'kept.tsr'), rows[1]!.token!);
    const verified = (digest: string) =>
      run('openssl', [
        'ts',
        '-verify',
        '-digest',
        digest,
        '-in',
        join(dir, 'kept.tsr'),
        '-CAfile',
        join(dir, 'ca.pem'),
      ]);
    const { stdout, stderr } = await verified(head.hash);
    assert.match(stdout + stderr, /Verification: OK/);
    await assert.rejects(verified('0'.repeat(64)));
  });

  it('an answer to another request is no anchor, and is said once', async () => {
    const { knex } = db.database;
    authority.isReplaying = true;
    await grow();
    const said: string[] = [];
    const log = {
      ...quietLog,
      warn: (about: { err: string }) => said.push(about.err),
      info: () => undefined,
    };
    const anchors = start(log as unknown as typeof quietLog);
    await until(async () => said.length > 0, 30_000);
    await new Promise((done) => setTimeout(done, 200));
    await anchors.close();
    authority.isReplaying = false;
    assert.deepEqual(said, ['the stamp is on another hash']);
    const rows = await listAnchors(knex);
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      ['file', 'rfc3161', 'file'],
    );
    const found = await checkAnchors(knex, settings());
    assert.deepEqual(
      found.map(({ verdict }) => verdict),
      ['ok', 'warning'],
      JSON.stringify(found),
    );
  });

  it('audit verify names what is anchored where; a trail that was rewritten whole is told by it', async () => {
    const { knex } = db.database;
    const before = await command('verify', '--anchors', file);
    assert.equal(before.code, 0, before.stderr);
    assert.match(before.stdout, /Anchored up to row \d+: 2 heads at .*\n.*1 time stamps at http/);
    await knex.raw('ALTER TABLE audit_event DISABLE TRIGGER audit_refuse');
    await knex.raw(REWRITE);
    assert.equal((await verifyAudit(knex)).ok, true, 'the chain itself holds');
    const after = await command('verify', '--json');
    assert.equal(after.code, 1);
    assert.match(after.json<{ problem: string }>().problem, /anchored with another hash/);
    // Who can rewrite the trail can rewrite the table of anchors: the file that lies elsewhere tells it all the same.
    await knex('auditAnchor').delete();
    assert.equal((await command('verify')).code, 0);
    assert.equal((await command('verify', '--anchors', file, '--json')).code, 1);
  });
});

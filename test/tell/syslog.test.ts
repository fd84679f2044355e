import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { auditMessage } from '../../agent/tell/auditMessage.js';
import { startSyslog } from '../../agent/tell/syslog.js';
import { appendAudit, headHash, searchAudit } from '../../db/tables/audit.js';
import { readSyslogPlace } from '../../db/tables/auditSyslog.js';
import { type Identity, testAuthority } from '../support/certificates.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

/** A syslog server over TLS: takes frames apart by their length (RFC 5425 4.3). */
class Listener {
  readonly lines: string[] = [];
  private readonly sockets = new Set<TLSSocket>();
  private constructor(private readonly server: Server) {}

  static async open({ certFile, keyFile }: Identity, port = 0): Promise<Listener> {
    const server = createServer({ cert: await readFile(certFile), key: await readFile(keyFile) });
    const listener = new Listener(server);
    server.on('secureConnection', (socket) => {
      listener.sockets.add(socket);
      let rest = Buffer.alloc(0);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        for (;;) {
          const [, digits] = /^(\d+) /.exec(rest.subarray(0, 12).toString('latin1')) ?? [];
          const start = digits ? digits.length + 1 : 0;
          if (!digits || rest.length < start + Number(digits)) return;
          listener.lines.push(rest.subarray(start, start + Number(digits)).toString('utf8'));
          rest = rest.subarray(start + Number(digits));
        }
      });
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
    return listener;
  }

  get port() {
    return (this.server.address() as AddressInfo).port;
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }
}

describe('tell: the trail by syslog', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let dir: string;
  let identity: Identity;

  before(async function () {
    needsPeer(this, 'openssl');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-syslog-'));
    identity = await (await testAuthority(dir)).issue('syslog');
  });
  after(async () => {
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const note = (subjectId: string, actor = 'user:anna') =>
    appendAudit(db.database.knex, {
      event: 'CASE_VIEWED',
      subjectType: 'case',
      subjectId,
      actor,
      detail: { from: '10.0.0.7', words: '<Ä & "B">' },
    });
  const start = (port: number, caFile = identity.caFile) =>
    startSyslog({
      config: { audit: { syslog: { host: '127.0.0.1', port, caFile, siteId: 'north' } } },
      database: db.database,
      log: quietLog,
      everyMs: 50,
    });

  it('sends every row once, in order, over a server that went away and over restarts', async () => {
    for (let i = 0; i < 450; i++) await note(`first-${i}`);
    let listener = await Listener.open(identity);
    const { port } = listener;
    let sender = start(port);
    await until(() => listener.lines.length >= 450);
    const first = listener.lines;
    await listener.close();
    await note('while-away');
    await until(async () => (await readSyslogPlace(db.database.knex))?.lastError);
    listener = await Listener.open(identity, port);
    await until(() => listener.lines.length > 0);
    await sender.close();
    await note('between');
    sender = start(port);
    await until(() => listener.lines.length > 1);
    await sender.close();
    const seqs = [...first, ...listener.lines].map((line) =>
      Buffer.from(/type="seq" value="([^"]+)"/.exec(line)![1]!, 'base64').toString(),
    );
    const { seq } = await headHash(db.database.knex);
    assert.deepEqual(
      seqs.map(Number),
      Array.from({ length: Number(seq) }, (_, i) => i + 1),
    );
    assert.equal((await readSyslogPlace(db.database.knex))!.lastError, null);
    await listener.close();
    assert.match(
      first[0]!,
      /^<85>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ calcidisc \d+ DICOM\+RFC3881 - \u{feff}<\?xml/u,
    );
  });

  it('two processes send each row once', async () => {
    const listener = await Listener.open(identity);
    const [one, other] = [start(listener.port), start(listener.port)];
    for (let i = 0; i < 20; i++) await note(`second-${i}`);
    await until(() => listener.lines.length >= 20);
    await Promise.all([one.close(), other.close()]);
    assert.equal(listener.lines.length, 20);
    await listener.close();
  });

  it('a server whose certificate is not believed is told nothing, and it is said', async () => {
    const stranger = await (await testAuthority(dir, 'stranger')).issue('syslog');
    const listener = await Listener.open(stranger);
    await note('secret');
    const sender = start(listener.port);
    const place = await until(async () => {
      const row = await readSyslogPlace(db.database.knex);
      return row?.lastError ? row : null;
    });
    await sender.close();
    assert.match(place.lastError!, /self-signed|unable to verify|certificate/i);
    assert.equal(listener.lines.length, 0);
    await listener.close();
  });

  it('each message is well-formed, with the parts that PS3.15 A.5.1 wants in their order', async () => {
    const [row] = await searchAudit(db.database.knex, { limit: 1 });
    const file = join(dir, 'message.xml');
    await writeFile(file, auditMessage({ ...row!, actor: 'user:o"b\u0001<', subjectId: '1&2' }, 'north'));
    const python = `import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot()
print(r.tag, [(e.tag, sorted(e.attrib), [c.tag for c in e]) for e in r]); print(r[1].get('UserID'), r[4].get('ParticipantObjectID'))`;
    const { stdout } = await promisify(execFile)('python3', ['-c', python, file]);
    const [tree, values] = stdout.trim().split('\n');
    assert.equal(
      tree!.replaceAll("'", ''),
      'AuditMessage [' +
        '(EventIdentification, [EventActionCode, EventDateTime, EventOutcomeIndicator], [EventID, EventTypeCode]), ' +
        '(ActiveParticipant, [NetworkAccessPointID, NetworkAccessPointTypeCode, UserID, UserIsRequestor], []), ' +
        '(ActiveParticipant, [UserID, UserIsRequestor], []), ' +
        '(AuditSourceIdentification, [AuditEnterpriseSiteID, AuditSourceID], [AuditSourceTypeCode]), ' +
        '(ParticipantObjectIdentification, [ParticipantObjectID, ParticipantObjectTypeCode, ParticipantObjectTypeCodeRole], ' +
        '[ParticipantObjectIDTypeCode, ParticipantObjectName, ParticipantObjectDetail, ParticipantObjectDetail, ParticipantObjectDetail])]',
    );
    assert.equal(values, 'user:o"b< 1&2');
  });
});

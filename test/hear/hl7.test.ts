import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { exchange } from '../../agent/deliver/mllp.js';
import { type Hl7Listener, startHl7Listener } from '../../agent/hear/written/listener.js';
import { readMessage, reportsIn } from '../../agent/hear/written/message.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { Hear } from '../../config/hear.js';
import { countWritten, listWrittenReports } from '../../db/tables/writtenReports.js';
import { testAuthority } from '../support/certificates.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';

interface Parts {
  readonly accession?: string;
  readonly patient?: string;
  readonly study?: string;
  readonly id?: string;
  readonly type?: string;
  readonly processing?: string;
  readonly status?: string;
  readonly text?: readonly string[];
  readonly charset?: string;
}

function oru({
  accession = '',
  patient = 'P1',
  study = '',
  id = 'M1',
  type = 'ORU^R01^ORU_R01',
  processing = 'P',
  status = 'F',
  text = ['x'],
  charset = '',
}: Parts) {
  return [
    `MSH|^~\\&|RIS|CLINIC|CALCIDISC|HERE|20260701093000+0200||${type}|${id}|${processing}|2.5.1||||||${charset}`,
    `PID|1||${patient}^^^HOSP^MR~X9^^^OLD^PI||Doe^Jane`,
    `ORC|RE|PL1|${accession}`,
    `OBR|1|PL1|${accession}|MRLS^MRI lumbar spine|||20260701080000|||||||||||||||20260701092500+0200|||${status}|||||||77&Reader&Rita`,
    ...(study ? [`ZDS|${study}^100^Application^DICOM`] : []),
    ...text.map((line, i) => `OBX|${i + 1}|TX|59776-5^Findings^LN||${line}||||||${status}`),
  ].join('\r');
}

describe('hear: written reports by HL7', function () {
  this.timeout(180_000);
  const db = useDatabase();
  let listener: Hl7Listener;
  let study: { uid: string; accession: string; patient: string };

  before(async () => {
    const options = { studies: 30, seed: 4, until: '2026-06-30', reports: 1, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    const entry = await db.database
      .knex('worklistEntry')
      .where({ locateStatus: 'located' })
      .orderBy('caseId')
      .first('*');
    study = { uid: entry.mrStudyInstanceUid, accession: entry.accessionNumber, patient: entry.patientId };
    const config = Hear.parse({ hl7: { port: 0 } }).hl7!;
    listener = await startHl7Listener(config, { database: db.database, log: quietLog });
  });
  after(() => listener?.close());

  const send = async (message: string | Buffer) => {
    const server = { name: 'here', host: '127.0.0.1', port: listener.port, tls: false, timeoutMs: 20_000 };
    const answer = await exchange(server, Buffer.from(message), () => true);
    const [, msa = ''] = answer.split('\r');
    const [, code, id] = msa.split('|');
    return { code, id, answer };
  };
  const heard = async () => {
    const [first] = await listWrittenReports(db.database.knex, study.uid);
    return first?.discs.flatMap(({ level, heard: word }) =>
      word === 'not-mentioned' ? [] : [`${level} ${word}`],
    );
  };

  it('a final report: kept, acknowledged, matched by number and patient, heard, on the trail', async () => {
    const text = [
      'FINDINGS',
      'L4/5: Disc herniation with calcification.',
      'L5/S1: Protrusion, not calcified.',
    ];
    const { code, id } = await send(oru({ accession: study.accession, patient: study.patient, text }));
    assert.deepEqual([code, id], ['AA', 'M1']);
    assert.deepEqual(await heard(), ['L4-L5 calcified', 'L5-S1 not-calcified']);
    const [report] = await listWrittenReports(db.database.knex, study.uid);
    assert.equal(report!.signedAt!.toISOString(), '2026-07-01T07:25:00.000Z');
    assert.match(report!.signedBy, /Reader/);
    const { rows } = await db.database.knex.raw(
      "SELECT actor, detail FROM audit_event WHERE event = 'WRITTEN_REPORT_HEARD'",
    );
    assert.equal(rows[0].actor, 'hl7:RIS/CLINIC');
    assert.equal(JSON.stringify(rows[0].detail).includes('Doe'), false);
    const truth = await db.database.knex('qualityDisc').where({ level: 'L4-L5', report: true });
    assert.ok(truth.length > 0 || (await db.database.knex('qualityDisc').whereNotNull('report')).length > 0);
  });

  it('the same message again is one report; a corrected one takes the place of the final', async () => {
    const before = (await countWritten(db.database.knex)).all;
    const text = [
      'FINDINGS',
      'L4/5: Disc herniation with calcification.',
      'L5/S1: Protrusion, not calcified.',
    ];
    assert.equal((await send(oru({ accession: study.accession, patient: study.patient, text }))).code, 'AA');
    assert.equal((await countWritten(db.database.knex)).all, before);
    const corrected = oru({
      study: study.uid,
      patient: 'X9',
      id: 'M2',
      status: 'C',
      text: ['L4/5: Disc herniation without calcification.'],
    });
    await send(corrected);
    assert.deepEqual(
      await heard(),
      ['L4-L5 calcified', 'L5-S1 not-calcified'],
      'another patient’s report is not ours',
    );
    await send(
      oru({
        study: study.uid,
        patient: study.patient,
        id: 'M3',
        status: 'C',
        text: ['L4/5: Disc herniation without calcification.'],
      }),
    );
    const reports = await listWrittenReports(db.database.knex, study.uid);
    assert.deepEqual(
      reports.map(({ controlId }) => controlId),
      ['M3', 'M1'],
    );
    assert.deepEqual(await heard(), ['L4-L5 not-calcified']);
  });

  it('of no study here: kept, acknowledged, counted with the reason, and matched when its study comes', async () => {
    await send(oru({ accession: 'LATER1', patient: 'PX', id: 'U1', text: ['No disc calcification.'] }));
    await send(
      oru({ accession: study.accession, patient: 'SOMEBODY', id: 'U2', text: ['No disc calcification.'] }),
    );
    const because = async (controlId: string) =>
      await db.database.knex('writtenReport').where({ controlId }).first('unmatchedBecause', 'matchedStudy');
    assert.deepEqual(await because('U1'), { unmatchedBecause: 'no-study', matchedStudy: null });
    assert.deepEqual(await because('U2'), { unmatchedBecause: 'other-patient', matchedStudy: null });
    assert.equal((await countWritten(db.database.knex)).unmatched, 3);
    const row = await db.database.knex('case').whereNot({ mrStudyInstanceUid: study.uid }).first('*');
    await db.database.knex('worklistEntry').where({ caseId: row.id }).delete();
    await db.database
      .knex('study')
      .where({ studyInstanceUid: row.mrStudyInstanceUid })
      .update({ accessionNumber: 'LATER1', patientId: 'PX' });
    await db.database.knex.raw('SELECT worklist_refresh(ARRAY[?::uuid])', [row.id]);
    assert.deepEqual(await because('U1'), { unmatchedBecause: null, matchedStudy: row.mrStudyInstanceUid });
  });

  it('what is refused is said by the standard, and nothing of it is kept', async () => {
    const { all } = await countWritten(db.database.knex);
    const refusals: readonly (readonly [string, string, RegExp])[] = [
      [oru({ type: 'ADT^A01' }), 'AR', /ERR\|\|\|200\^/],
      [oru({ accession: 'A1', processing: 'T' }), 'AR', /202\^/],
      [oru({ accession: 'A1', text: [] }), 'AE', /100\^/],
      [oru({}).replaceAll('PL1', ''), 'AE', /101\^/],
      [oru({ accession: 'A1', patient: '' }).replace('~X9^^^OLD^PI', ''), 'AE', /101\^.*PID-3/],
      ['nonsense', 'AR', /100\^/],
    ];
    for (const [message, code, words] of refusals) {
      const answer = await send(message);
      assert.equal(answer.code, code, message);
      assert.match(answer.answer, words, message);
    }
    assert.equal((await countWritten(db.database.knex)).all, all);
  });

  it('while the database is away the sender keeps its message (AR)', async () => {
    const gone = {
      knex: new Proxy(db.database.knex, { get: () => () => Promise.reject(new Error('away')) }),
    };
    const other = await startHl7Listener(Hear.parse({ hl7: { port: 0 } }).hl7!, {
      database: gone,
      log: quietLog,
    });
    const server = { name: 'here', host: '127.0.0.1', port: other.port, tls: false, timeoutMs: 20_000 };
    const answer = await exchange(server, Buffer.from(oru({ accession: 'A1' })), () => true);
    await other.close();
    assert.match(answer, /MSA\|AR\|M1/);
  });

  it('text in Latin 1, UTF-8 and with escapes is read as it was meant; several orders are several reports', () => {
    const umlaut = Buffer.from(oru({ text: ['Höhe L4/5'], charset: '8859/1' }), 'latin1');
    assert.equal(reportsIn(readMessage(umlaut)!)[0]!.text, 'Höhe L4/5');
    assert.equal(
      reportsIn(readMessage(Buffer.from(oru({ text: ['Höhe L4/5'] }), 'latin1'))!)[0]!.text,
      'Höhe L4/5',
    );
    const escaped = oru({ text: ['one\\.br\\two \\T\\ three\\F\\four~five'] });
    assert.equal(reportsIn(readMessage(Buffer.from(escaped))!)[0]!.text, 'one\ntwo & three|four\nfive');
    const two = `${oru({ accession: 'A1' })}\rOBR|2|PL2|A2\rOBX|1|FT|x||second||||||F`;
    assert.deepEqual(
      reportsIn(readMessage(Buffer.from(two))!).map(({ accessionNumbers }) => accessionNumbers[0]),
      ['A1', 'A2'],
    );
  });

  it('several messages on one connection are answered in order, however they are cut', async () => {
    const frame = (id: string) => `\x0b${oru({ accession: 'CUT', id })}\x1c\r`;
    const bytes = Buffer.from(frame('C1') + frame('C2'));
    const answers = await new Promise<string>((done, failed) => {
      const socket = connect(listener.port, '127.0.0.1');
      let text = '';
      socket.on('error', failed);
      socket.on('data', (piece) => {
        text += piece.toString();
        if (text.split('\x1c').length === 3) socket.destroy();
      });
      socket.on('close', () => done(text));
      for (const [at, end] of [
        [0, 40],
        [40, 700],
        [700, bytes.length],
      ] as const)
        socket.write(bytes.subarray(at, end));
    });
    assert.deepEqual(
      [...answers.matchAll(/MSA\|AA\|(\w+)/g)].map(([, id]) => id),
      ['C1', 'C2'],
    );
  });

  it('over TLS: who shows a certificate is heard, who shows none is not', async function () {
    needsPeer(this, 'openssl');
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-hl7-tls-'));
    const authority = await testAuthority(dir);
    const [server, client] = [await authority.issue('server'), await authority.issue('client')];
    const tls = { certFile: server.certFile, keyFile: server.keyFile, caFile: server.caFile };
    const ca = await readFile(server.caFile);
    const identity = { cert: await readFile(client.certFile), key: await readFile(client.keyFile) };
    const secure = await startHl7Listener(Hear.parse({ hl7: { port: 0, tls } }).hl7!, {
      database: db.database,
      log: quietLog,
    });
    const ask = (shown: object) =>
      new Promise<string>((done) => {
        const options = { host: '127.0.0.1', port: secure.port, ca, ...shown };
        const socket = connectTls(options, () =>
          socket.write(`\x0b${oru({ accession: 'TLS', id: 'T1' })}\x1c\r`),
        );
        socket.on('data', (piece) => socket.end(() => done(piece.toString())));
        socket.on('error', () => done('refused'));
        socket.on('close', () => done('closed'));
      });
    assert.match(await ask(identity), /MSA\|AA\|T1/);
    assert.doesNotMatch(await ask({}), /MSA/);
    await secure.close();
    await rm(dir, { recursive: true });
  });

  it("python-hl7's mllp_send is answered AA", async function () {
    needsPeer(this, 'hl7');
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-hl7-'));
    await writeFile(join(dir, 'm.hl7'), `\x0b${oru({ accession: 'PY', id: 'PY1' })}\x1c\r`);
    const output = await new Promise<string>((done) =>
      execFile(
        'mllp_send',
        ['-p', String(listener.port), '-f', join(dir, 'm.hl7'), '127.0.0.1'],
        (error, out, err) => done(`${error ?? ''}${out}${err}`),
      ),
    );
    await rm(dir, { recursive: true });
    assert.match(output, /MSA\|AA\|PY1/);
  });

  it('beyond this machine a listener that anybody could send to is refused by the configuration', () => {
    assert.equal(Hear.safeParse({ hl7: { host: '0.0.0.0', port: 2575 } }).success, false);
    assert.equal(
      Hear.safeParse({ hl7: { host: '0.0.0.0', port: 2575, allowedHosts: ['10.0.0.5'] } }).success,
      true,
    );
  });
});

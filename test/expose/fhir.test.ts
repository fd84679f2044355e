import assert from 'node:assert/strict';
import type { RunningHttp } from '../../agent/expose/server.js';
import { buildReport } from '../../agent/report/build.js';
import { fhirTransaction } from '../../agent/report/fhirTransaction.js';
import { storedOf } from '../../agent/report/stored.js';
import type { ReportInput } from '../../agent/report/types.js';
import { insertReport } from '../../db/tables/reports.js';
import { insertResult, type Route } from '../../db/tables/results.js';
import { page, token } from '../access/rig.js';
import { insertReportedCase, insertRoutedCase, type ReportedCase } from '../deliver/reportedCase.js';
import { CALCIFIED, disc } from '../report/sample.js';
import { useDatabase } from '../support/database.js';
import { r4Errors } from '../support/fhirServer.js';

const LIVE: Route = { mode: 'live', rule: null, urgency: 'urgent', sends: [], why: null };

interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly meta: { readonly versionId: string; readonly lastUpdated: string };
  readonly status?: string;
  readonly [element: string]: unknown;
}
interface Bundle extends Resource {
  readonly link: { relation: string; url: string }[];
  readonly entry?: { resource: Resource; fullUrl?: string; search: { mode: string } }[];
}

describe('FHIR read API', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let http: RunningHttp;
  let shown: string;
  let mine: ReportedCase;

  before(async () => {
    http = await page(db, { publicUrl: 'https://calcidisc.test' });
    shown = await token(db.database, 'ris', 'viewer');
    mine = await insertRoutedCase(db.database, LIVE);
  });
  after(() => http?.close());

  const fetched = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${http.port}/fhir/${path}`, {
      headers: { authorization: `Bearer ${shown}`, accept: 'application/fhir+json', ...headers },
    });
  const got = async <T = Resource>(path: string): Promise<T> => {
    const answer = await fetched(path);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    assert.match(answer.headers.get('content-type')!, /^application\/fhir\+json/);
    const resource = JSON.parse(text) as T;
    // The schema is of 4.0.0, and has no 4.0.1 (a correction of words) in its list of versions.
    assert.deepEqual(r4Errors(JSON.parse(text.replace('"4.0.1"', '"4.0.0"'))), [], path);
    return resource;
  };
  const found = async (path: string) =>
    ((await got<Bundle>(path)).entry ?? [])
      .filter(({ search }) => search.mode === 'match')
      .map(({ resource }) => resource);
  const ids = async (path: string) => (await found(path)).map(({ id }) => id);
  const refused = async (path: string, status: number, code: string, headers = {}) => {
    const answer = await fetched(path, headers);
    const outcome = JSON.parse(await answer.text());
    assert.deepEqual(
      [answer.status, outcome.resourceType, outcome.issue?.[0].code],
      [status, 'OperationOutcome', code],
      path,
    );
    assert.deepEqual(r4Errors(outcome), []);
    return outcome.issue[0].diagnostics as string;
  };

  /** One more revision of a case, with what it tells. */
  async function revise({ row, input }: ReportedCase, revision: number, changes: Partial<ReportInput>) {
    const next = { ...input, ...changes, revision };
    const { file, ...uids } = buildReport(next);
    const { report } = await insertReport(db.database.knex, {
      ...uids,
      caseId: row.id,
      revision,
      predecessorSopInstanceUid: null,
      file,
      fileSha256: '0'.repeat(64),
    });
    await insertResult(db.database.knex, report.id, storedOf(next), LIVE);
    return next;
  }

  it('the CapabilityStatement is valid, names every type, and asks nobody who they are', async () => {
    const statement = await got<
      Resource & { rest: { resource: { type: string; searchParam: unknown[] }[] }[] }
    >('metadata');
    assert.deepEqual(
      statement.rest[0]!.resource.map(({ type }) => type),
      ['DiagnosticReport', 'Observation', 'ImagingStudy', 'Task', 'Device'],
    );
    const open = await fetched('metadata', { authorization: '' });
    assert.equal(open.status, 200);
  });

  it('what is read is what is pushed, element for element', async () => {
    const pushed = fhirTransaction(mine.input, { urgency: 'urgent' }).entry as { resource: Resource }[];
    const stripped = ({ id: _i, meta: _m, ...rest }: Partial<Resource>) =>
      JSON.stringify(rest).replace(/"reference":"[^"]+"/g, '"reference":"…"');
    for (const { resource } of pushed) {
      const uid = (resource.identifier as { value: string }[])[0]!.value;
      const served = (await found(`${resource.resourceType}?identifier=${encodeURIComponent(uid)}`))[0]!;
      assert.equal(stripped(served), stripped(resource), resource.resourceType);
      assert.deepEqual(await got(`${served.resourceType}/${served.id}`), served);
    }
  });

  it('every reference leads to a resource that is there', async () => {
    for (const each of [
      await got(`DiagnosticReport/${mine.row.id}`),
      ...(await found(`Observation?study=${mine.input.study.studyInstanceUid}`)),
      ...(await found(`Task?study=${mine.input.study.studyInstanceUid}`)),
    ])
      for (const [, reference] of JSON.stringify(each).matchAll(/"reference":"([^"]+)"/g))
        await got(reference!);
  });

  it('is found by patient, accession, study, UID, code and date, each written in FHIR’s ways', async () => {
    const { patient, study } = mine.input;
    const other = await insertRoutedCase(db.database, LIVE);
    const input = storedOf({
      ...other.input,
      study: { ...other.input.study, accessionNumber: 'A|1,2', date: '2025-12-31' },
      patient: { ...patient, id: 'P|7', issuerOfPatientId: '1.2.276.0.76.3' },
    });
    await db.database
      .knex('result')
      .where({ reportId: other.report.id })
      .update({ input: JSON.stringify(input) });
    const sop = encodeURIComponent(`urn:dicom:uid|urn:oid:${mine.report.sopInstanceUid}`);
    const accession = encodeURIComponent(study.accessionNumber);
    const rows: [query: string, expected: string[]][] = [
      [`patient.identifier=${patient.id}`, [mine.row.id]],
      [`subject:identifier=|${patient.id}`, [mine.row.id]],
      [`patient.identifier=urn:oid:1.2|${patient.id}`, []],
      [`patient:identifier=urn:oid:1.2.276.0.76.3|P%5C%7C7`, [other.row.id]],
      [`patient.identifier=|P%5C%7C7`, []],
      [`patient.identifier=nobody,${patient.id}`, [mine.row.id]],
      [`patient.identifier=nobody&patient.identifier=${patient.id}`, []],
      [`identifier=${accession}&patient.identifier=${patient.id}`, [mine.row.id]],
      ['identifier=A%5C%7C1%5C,2', [other.row.id]],
      ['accession=A%5C%7C1%5C,2', [other.row.id]],
      [`identifier=${sop}`, [mine.row.id]],
      [`identifier=urn:oid:${mine.report.sopInstanceUid}`, [mine.row.id]],
      [`identifier=http://elsewhere|urn:oid:${mine.report.sopInstanceUid}`, []],
      [`_id=${mine.row.id}`, [mine.row.id]],
      ['_id=not-there', []],
      [`study=${study.studyInstanceUid}`, [mine.row.id]],
      [`study=ImagingStudy/${study.studyInstanceUid}&status=preliminary`, [mine.row.id]],
      [`study=${study.studyInstanceUid}&status=final`, []],
      [`date=2025-12-31`, [other.row.id]],
      [`date=2025-12&date=lt2026`, [other.row.id]],
      [`date=gt2025-12-31&study=${study.studyInstanceUid}`, [mine.row.id]],
      [`date=ge${study.date}&date=le${study.date}&study=${study.studyInstanceUid}`, [mine.row.id]],
      ['date=lt2025-12-31', []],
      ['_lastUpdated=lt2020', []],
      [`_lastUpdated=ge2020-01-01T00:00:00Z&study=${study.studyInstanceUid}`, [mine.row.id]],
    ];
    for (const [query, expected] of rows)
      assert.deepEqual(await ids(`DiagnosticReport?${query}`), expected, query);
    const flagged = encodeURIComponent('http://snomed.info/sct|52101004');
    const observed = await found(`Observation?patient.identifier=${patient.id}`);
    assert.equal(observed.length, mine.input.discs.length);
    const present = await found(`Observation?patient.identifier=${patient.id}&value-concept=${flagged}`);
    assert.ok(present.length > 0 && present.length < observed.length, `${present.length}`);
    const uid = encodeURIComponent(`urn:dicom:uid|urn:oid:${study.studyInstanceUid}`);
    assert.deepEqual(await ids(`ImagingStudy?identifier=${uid}`), [study.studyInstanceUid]);
    assert.deepEqual(await ids(`ImagingStudy?identifier=${accession}&patient.identifier=${patient.id}`), [
      study.studyInstanceUid,
    ]);
  });

  it('pages lead on to everything once, with what was asked', async () => {
    for (let made = 0; made < 5; made++) await insertRoutedCase(db.database, LIVE);
    const all = await ids('Observation?_count=100');
    const walked: string[] = [];
    let next: string | undefined = 'Observation?_count=7';
    while (next) {
      const bundle: Bundle = await got<Bundle>(next);
      walked.push(...(bundle.entry ?? []).map(({ resource }) => resource.id));
      assert.ok((bundle.entry ?? []).length <= 7);
      const url = bundle.link.find(({ relation }) => relation === 'next')?.url;
      assert.ok(!url || url.startsWith('https://calcidisc.test/fhir/Observation?_count=7&_after='));
      next = url?.replace('https://calcidisc.test/fhir/', '');
    }
    assert.ok(all.length > 30);
    assert.deepEqual(walked, all);
    assert.equal(new Set(all).size, all.length);
  });

  it('one CT of two cases is one ImagingStudy, told by the newer', async () => {
    const ct = mine.input.ct!.studyInstanceUid;
    assert.deepEqual(await ids(`ImagingStudy?study=${ct}&_id=${ct}`), [ct]);
  });

  it('a revision is the next version of the same resources; a disc that is gone was entered in error', async () => {
    const made = await insertRoutedCase(db.database, LIVE, {
      discs: [disc('L4-L5', CALCIFIED), disc('L5-S1')],
    });
    const report = `DiagnosticReport/${made.row.id}`;
    const first = await fetched(report);
    assert.equal(first.headers.get('etag'), 'W/"1"');
    assert.equal((await fetched(report, { 'if-none-match': 'W/"1"' })).status, 304);
    await revise(made, 2, { discs: [disc('L4-L5', CALCIFIED)] });
    const again = await fetched(report, { 'if-none-match': 'W/"1"' });
    assert.deepEqual([again.status, again.headers.get('etag')], [200, 'W/"2"']);
    const status = async (level: string) => (await got(`Observation/${made.row.id}-${level}`)).status;
    assert.deepEqual([await status('L4-L5'), await status('L5-S1')], ['preliminary', 'entered-in-error']);
    // One revision later it is still so: a server that is pushed to has it so, too.
    await revise(made, 3, { discs: [disc('L4-L5')] });
    assert.deepEqual([await status('L4-L5'), await status('L5-S1')], ['preliminary', 'entered-in-error']);
    assert.equal((await ids(`DiagnosticReport?study=${made.input.study.studyInstanceUid}`)).length, 1);
  });

  it('what was withdrawn was entered in error, and says why', async () => {
    const made = await insertRoutedCase(db.database, LIVE);
    await db.database
      .knex('case')
      .where({ id: made.row.id })
      .update({ state: 'closed', closedBecause: 'withdrawn: another patient' });
    const report = await got(`DiagnosticReport/${made.row.id}`);
    assert.equal(report.status, 'entered-in-error');
    assert.match(String(report.conclusion), /Withdrawn: another patient/);
    assert.equal(report.meta.versionId, '1.withdrawn');
    assert.equal((await got(`Task/${made.row.id}-review`)).status, 'cancelled');
  });

  it('what is held back is not shown, and that it is held back is said', async () => {
    const silent = await insertRoutedCase(db.database, { ...LIVE, mode: 'silent', why: 'silent' });
    const words = await refused(`DiagnosticReport/${silent.row.id}`, 404, 'not-found');
    assert.match(words, /held back/);
    const bundle = await got<Bundle>(`DiagnosticReport?study=${silent.input.study.studyInstanceUid}`);
    assert.deepEqual(
      bundle.entry!.map(({ resource, search }) => [resource.resourceType, search.mode]),
      [['OperationOutcome', 'outcome']],
    );
    // What was told before the site went silent goes on standing.
    await db.database.knex('result').where({ reportId: silent.report.id }).update({ mode: 'live' });
    await got(`DiagnosticReport/${silent.row.id}`);
  });

  it('a report of an older version that kept no input is no error', async () => {
    const old = await insertReportedCase(db.database);
    await refused(`DiagnosticReport/${old.row.id}`, 404, 'not-found');
  });

  it('everything that is wrong is an OperationOutcome', async () => {
    await refused('DiagnosticReport?colour=red', 400, 'not-supported');
    await refused('Observation?issued=2026', 400, 'not-supported');
    await refused('DiagnosticReport?date=yesterday', 400, 'value');
    await refused('DiagnosticReport?date=2026-02-30', 400, 'value');
    await refused('DiagnosticReport?date=ap2026', 400, 'value');
    await refused('DiagnosticReport?_count=some', 400, 'value');
    await refused("DiagnosticReport?_after=1'--", 400, 'value');
    await refused('DiagnosticReport?_format=xml', 406, 'not-supported');
    await refused('DiagnosticReport', 406, 'not-supported', { accept: 'application/fhir+xml' });
    await refused('Patient', 404, 'not-supported');
    await refused('Patient/1', 404, 'not-supported');
    await refused('DiagnosticReport/1', 404, 'not-found');
    await refused('DiagnosticReport/a/b/c', 404, 'not-found');
    await refused('DiagnosticReport?patient.identifier=%00', 400, 'invalid');
    await refused('DiagnosticReport', 401, 'login', { authorization: '' });
    await refused('DiagnosticReport', 401, 'login', { authorization: '', accept: 'text/html' });
    const monitor = await token(db.database, 'monitor', 'monitor');
    await refused('DiagnosticReport', 403, 'forbidden', { authorization: `Bearer ${monitor}` });
    for (const format of ['json', 'application/json', 'application/fhir%2Bjson', 'application/fhir+json'])
      await got(`DiagnosticReport?_format=${format}&_id=${mine.row.id}`);
  });

  it('every read and search is on the trail, by whom, and not for whom', async () => {
    const { knex } = db.database;
    await token(db.database, 'auditee', 'viewer').then((text) => {
      shown = text;
    });
    await got(`DiagnosticReport/${mine.row.id}`);
    await got(`DiagnosticReport?patient.identifier=${mine.input.patient.id}`);
    const looks = await knex('auditEvent').where({ actor: 'token:auditee' }).orderBy('seq').select('*');
    assert.deepEqual(
      looks.map(({ event, subjectId }: { event: string; subjectId: string }) => [event, subjectId]),
      [
        ['CASE_VIEWED', mine.row.id],
        ['CASES_QUERIED', 'fhir/DiagnosticReport'],
      ],
    );
    assert.ok(!JSON.stringify(looks).includes(mine.input.patient.id));
  });
});

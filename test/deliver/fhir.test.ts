import assert from 'node:assert/strict';
import { outcomeOfBundle } from '../../agent/deliver/channels/fhir.js';
import { fhirTransaction } from '../../agent/report/fhirTransaction.js';
import type { ReportInput } from '../../agent/report/types.js';
import { CALCIFIED, disc, reportInput, unstated } from '../report/sample.js';
import { useDatabase } from '../support/database.js';
import { fhirServer, r4Errors } from '../support/fhirServer.js';
import { channelCase, type DestinationInput } from './channelRig.js';

const to = (url: string): DestinationInput => ({ name: 'fhir', channel: 'fhir', url: `${url}/fhir` });

describe('deliver: FHIR R4', function () {
  this.timeout(60_000);
  const db = useDatabase();

  it('a server has each resource once, also when its answer was lost, and nothing dangles', async () => {
    const server = await fhirServer((count) => (count === 1 ? 503 : count === 2 ? 'late' : null));
    try {
      const sent = await channelCase(db, [to(server.url)]);
      assert.equal(await sent.untilSettled(), 'delivered');
      assert.deepEqual([server.requests.length, server.problems], [3, []]);
      assert.equal(server.requests[0]!.path, '/fhir');
      const count = (type: string) => server.of(type).length;
      assert.deepEqual(
        ['DiagnosticReport', 'Observation', 'ImagingStudy', 'Device', 'Task'].map(count),
        [1, 5, 2, 1, 1],
      );
      const references = JSON.stringify(server.all()).match(/"reference":"[^"]*"/g)!;
      const there = new Set(
        server.all().map(({ resourceType, id }) => `"reference":"${resourceType}/${id}"`),
      );
      assert.deepEqual(
        references.filter((each) => !there.has(each)),
        [],
      );
    } finally {
      server.close();
    }
  });

  it('an amendment is the next version of the same resources; a disc it no longer names is taken back', async () => {
    const server = await fhirServer();
    try {
      const first = await channelCase(db, [to(server.url)]);
      assert.equal(await first.untilSettled(), 'delivered');
      const second = await channelCase(db, [to(server.url)], {
        ...amending(first.input, first.report),
        discs: [disc('L4-L5', CALCIFIED), disc('L5-S1')],
      });
      assert.equal(await second.untilSettled(), 'delivered');
      assert.deepEqual(server.problems, []);
      const statuses = server
        .of('Observation')
        .map(({ status, versionId, bodySite }) => [
          JSON.stringify(bodySite).match(/"code":"(\d+)/)?.[1],
          status,
          versionId,
        ]);
      assert.deepEqual(statuses, [
        ['80064006', 'entered-in-error', 2],
        ['67459009', 'entered-in-error', 2],
        ['62551000', 'entered-in-error', 2],
        ['84020006', 'preliminary', 2],
        ['715056000', 'preliminary', 2],
      ]);
      const [report, ...more] = server.of('DiagnosticReport');
      assert.deepEqual([more.length, report!.versionId], [0, 2]);
    } finally {
      server.close();
    }
  });

  it('what is withdrawn is entered in error, its task cancelled', () => {
    const bundle = fhirTransaction(reportInput(), { withdrawn: 'another patient' });
    const entries = bundle.entry as { resource: Record<string, unknown> }[];
    const statuses = entries.map(({ resource }) => [resource.resourceType, resource.status]);
    assert.deepEqual(
      statuses.filter(([type]) => type !== 'ImagingStudy' && type !== 'Device'),
      [
        ['DiagnosticReport', 'entered-in-error'],
        ...Array(5).fill(['Observation', 'entered-in-error']),
        ['Task', 'cancelled'],
      ],
    );
    assert.deepEqual(r4Errors(bundle), []);
  });

  const shapes: Readonly<Record<string, Partial<ReportInput>>> = {
    'of nobody': { patient: { name: '', id: '', issuerOfPatientId: '', birthDate: null, sex: '' } },
    'that found nothing': { discs: [], classifier: null, localisation: { status: 'not-found', reasons: [] } },
    'of uncertain levels': { localisation: { status: 'uncertain', reasons: ['no sacrum'] } },
    'that could not read a disc': { discs: [disc('L4-L5', unstated('not-assessable', 'blurred'))] },
  };
  for (const [shape, changes] of Object.entries(shapes))
    it(`the R4 schema has nothing against a result ${shape}`, () =>
      assert.deepEqual(r4Errors(fhirTransaction(reportInput(changes), { urgency: 'urgent' })), []));

  const answers: [what: string, status: number, text: object, outcome: string][] = [
    ['201', 201, {}, 'stored'],
    [
      '422 with an OperationOutcome',
      422,
      { issue: [{ code: 'invalid', expression: ['Bundle.entry[2]'] }] },
      'refused: invalid Bundle.entry\\[2\\]',
    ],
    ['412: two match', 412, {}, 'refused'],
    ['409', 409, {}, 'refused'],
    ['429', 429, {}, 'again'],
    ['500', 500, {}, 'again'],
    [
      'a batch of which one entry failed',
      200,
      { entry: [{ response: { status: '201' } }, { response: { status: '422' } }] },
      'refused: .*422',
    ],
  ];
  for (const [what, status, text, outcome] of answers)
    it(`${what}: ${outcome}`, () => {
      const said = outcomeOfBundle('fhir', { status, text: JSON.stringify(text) });
      const word =
        said.kind === 'failed'
          ? `${said.error.permanent ? 'refused' : 'again'}: ${said.error.message}`
          : said.kind;
      assert.match(word, new RegExp(outcome.replace(': ', ': .*')));
    });

  /** The next revision of a case, by another row of the database: what its report says is what counts here. */
  function amending(
    first: ReportInput,
    report: { sopInstanceUid: string; seriesInstanceUid: string; sopClassUid: string },
  ) {
    const { caseId, device, study, patient, mr } = first;
    const { sopInstanceUid, seriesInstanceUid, sopClassUid } = report;
    const predecessor = {
      sopInstanceUid,
      seriesInstanceUid,
      sopClassUid,
      studyInstanceUid: study.studyInstanceUid,
    };
    return { caseId, device, study, patient, mr, revision: 2, predecessor };
  }
});

import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { ensureDeliveries } from '../../db/tables/deliveries.js';
import { findLatestReport, insertReport, type ReportRow } from '../../db/tables/reports.js';
import { findResult, insertResult } from '../../db/tables/results.js';
import { listSeriesOfStudy } from '../../db/tables/series.js';
import type { StepEnd } from '../../db/work/runStep.js';
import { takeBack } from '../deliver/withdraw.js';
import { sha256 } from '../domain/hash.js';
import { modalityRead } from '../read/reader.js';
import { answerSha256 } from '../report/answer.js';
import { buildReport } from '../report/build.js';
import { inputFrom, type StoredInput, storedOf } from '../report/stored.js';
import type { ReportInput } from '../report/types.js';
import { waitForIdentity } from './identity.js';
import { gatherReportInput } from './reportInput.js';
import { routeDetail, routeForCase } from './route.js';
import type { AgentStep, StepContext } from './types.js';

/**
 * classified -> reported: the Structured Report, stored whole before anybody sends it. The further forms (picture, page)
 * are made for whoever is to have them while the report is on its way (agent/deliver/parcel.ts).
 */
export const reportStep: AgentStep = async (context, row) => {
  const wait = await waitForIdentity(context, row);
  if (wait) return wait;
  const arriving = await waitForArriving(context, row);
  if (arriving) return arriving;
  const input = await gatherReportInput(context, row);
  const answer = answerSha256(input);
  const latest = await findLatestReport(context.database.knex, row.id, row.revision);
  if (latest && latest.answerSha256 === answer) return unchanged(row, latest);
  const { file, sopInstanceUid, seriesInstanceUid, sopClassUid } = buildReport(input);
  const predecessorSopInstanceUid = input.predecessor?.sopInstanceUid ?? null;
  const route = await routeForCase(context, row, input);
  const destinations = route.sends.map(({ destination }) => destination);
  const otherPatient = latest && (await otherPatientThan(context, latest, input));
  return {
    to: 'reported',
    auditDetail: { sopInstanceUid, predecessorSopInstanceUid, destinations, ...routeDetail(route) },
    save: async (trx) => {
      // Before there is a newer one: it is those before it that do not stand any more.
      if (otherPatient)
        await takeBack(trx, context.config, { caseId: row.id, reason: otherPatient, because: 'worklist' });
      const { report } = await insertReport(trx, {
        caseId: row.id,
        revision: row.revision,
        sopInstanceUid,
        seriesInstanceUid,
        sopClassUid,
        predecessorSopInstanceUid,
        file,
        fileSha256: sha256(file),
        answerSha256: answer,
      });
      await insertResult(trx, report.id, storedOf(input), route);
      await ensureDeliveries(trx, report.id, destinations);
      await appendAudit(trx, {
        event: 'REPORT_BUILT',
        subjectType: 'report',
        subjectId: sopInstanceUid,
        detail: { caseId: row.id, revision: row.revision, sha256: report.fileSha256 },
      });
    },
  };
};

/** What was told before was told of another patient: why it is taken back; null where it was not. No ids: it is sent. */
async function otherPatientThan(
  { database }: StepContext,
  latest: ReportRow,
  { patient }: ReportInput,
): Promise<string | null> {
  const result = await findResult(database.knex, latest.id);
  if (!result) return null;
  const before = inputFrom(result.input as StoredInput).patient;
  const isSame = before.id === patient.id && before.issuerOfPatientId === patient.issuerOfPatientId;
  return isSame ? null : 'the images of the study name another patient now';
}

const ARRIVING_AGAIN_MS = 2_000;

/** A series that may be read has begun to arrive: what is built now would be amended as soon as it is here. */
async function waitForArriving({ database }: StepContext, row: CaseRow): Promise<StepEnd | null> {
  const series = await listSeriesOfStudy(database.knex, row.mrStudyInstanceUid);
  const arriving = series.find((each) => each.state === 'receiving' && modalityRead(each) === 'MR');
  if (!arriving) return null;
  const number = arriving.seriesNumber ?? 'without number';
  return { postponeMs: ARRIVING_AGAIN_MS, waitingFor: `series ${number} is still arriving` };
}

/** Read again, and nothing a reader would be told differently: it stands on the trail, and nothing goes out. */
function unchanged({ id: caseId, revision }: CaseRow, latest: ReportRow): StepEnd {
  const { sopInstanceUid } = latest;
  return {
    to: 'reported',
    auditDetail: { unchanged: sopInstanceUid },
    save: (trx) =>
      appendAudit(trx, {
        event: 'REPORT_UNCHANGED',
        subjectType: 'report',
        subjectId: sopInstanceUid,
        detail: { caseId, revision, reportedIn: latest.revision },
      }),
  };
}

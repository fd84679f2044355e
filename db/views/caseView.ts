import type { Tx } from '../server/knex.js';
import { type AuditRow, listAudit } from '../tables/audit.js';
import { type AuditPurgeRow, listAuditPurges } from '../tables/auditPurges.js';
import { type CasePurgeRow, findCasePurge } from '../tables/casePurges.js';
import { type CaseRow, findCase, listJoinedCases } from '../tables/cases.js';
import { type ChoiceRow, findChoice } from '../tables/choices.js';
import { type ListedDelivery, listDeliveries } from '../tables/deliveries.js';
import { type CaseInference, listInferences } from '../tables/inferences.js';
import { findLocalisation, type LocalisationRow } from '../tables/localisations.js';
import { listMeasurements, type MeasurementRow } from '../tables/measurements.js';
import { findModel, type ModelRow } from '../tables/models.js';
import { type CaseNotice, listNotices } from '../tables/notices.js';
import { listAside, type ObjectAsideRow } from '../tables/objectsAside.js';
import { findPairing, type PairingRow } from '../tables/pairings.js';
import { listPriorFetchesOfStudy, type PriorFetchRow } from '../tables/priorFetches.js';
import { listVerdicts, type ReaderVerdictRow } from '../tables/readerVerdicts.js';
import { listRegions, type RegionRow } from '../tables/regions.js';
import { listReports, type ReportRow } from '../tables/reports.js';
import { type CaseRoute, listRoutes } from '../tables/results.js';
import { findSeries, type SeriesRow } from '../tables/series.js';
import { findStudy, type StudyRow } from '../tables/studies.js';
import { type CarriedIdentity, listIdentities } from '../tables/studyIdentities.js';
import { countUnread, type UnreadCount } from '../tables/unreadObjects.js';
import { listWrittenReports, type WrittenReport } from '../tables/writtenReports.js';

/** Everything there is to see of one case at its current revision. */
export interface CaseView {
  readonly case: CaseRow;
  readonly study: StudyRow;
  /** The series that is read: until one is chosen, the first that was complete. */
  readonly mrSeries: SeriesRow;
  /** Which series of the study is read, and why not the others; null until it is chosen. */
  readonly choice: ChoiceRow | null;
  readonly ctSeries: SeriesRow | null;
  readonly pairing: PairingRow | null;
  /** How the images of the MR's study name their patient: more than one is a merge, or a mistake. */
  readonly identities: readonly CarriedIdentity[];
  /** Other objects that came under the UIDs of the study's images. */
  readonly aside: readonly ObjectAsideRow[];
  /** What the study holds beside images, put away unread. */
  readonly unread: readonly UnreadCount[];
  /** What was, or is being, fetched from a PACS for the MR. */
  readonly priorFetches: readonly PriorFetchRow[];
  readonly mr: LocalisationRow | null;
  readonly ct: LocalisationRow | null;
  readonly regions: readonly RegionRow[];
  readonly measurements: readonly MeasurementRow[];
  /** The deciding model's answers, then the shadows'. */
  readonly inferences: readonly CaseInference[];
  /** The model that decided. */
  readonly model: ModelRow | null;
  /** The newest revision first. */
  readonly reports: readonly Omit<ReportRow, 'file'>[];
  readonly deliveries: readonly ListedDelivery[];
  /** Where each report goes, and why. */
  readonly routes: readonly CaseRoute[];
  /** What readers said of the reports, the newest first. */
  readonly readerVerdicts: readonly ReaderVerdictRow[];
  /** What radiologists wrote of the study, the report that counts first. */
  readonly writtenReports: readonly WrittenReport[];
  /** What was told beside the results, the newest first. */
  readonly notices: readonly CaseNotice[];
  /** Cases of the same study that this one goes on for (an older version made one for each series). */
  readonly joined: readonly JoinedCase[];
  /** The newest first. */
  readonly audit: readonly AuditRow[];
  readonly purged: PurgedOfCase;
}

/** What of a case was deleted by policy beside its images; null: nothing was. */
export interface PurgedOfCase {
  /** Of the current revision. */
  readonly regions: CasePurgeRow | null;
  /** Of the newest report. */
  readonly reports: CasePurgeRow | null;
  /** What the trail may have said of the case first. */
  readonly trail: AuditPurgeRow | null;
}

export interface JoinedCase {
  readonly case: CaseRow;
  readonly mrSeries: SeriesRow;
  readonly reports: readonly Omit<ReportRow, 'file'>[];
}

/** @returns null when there is no such case */
export async function readCaseView(tx: Tx, idOrPrefix: string): Promise<CaseView | null> {
  const row = await findCase(tx, idOrPrefix);
  if (!row) return null;
  const { id, revision } = row;
  const pairing = await findPairing(tx, id, revision);
  const inferences = await listInferences(tx, id, revision);
  const decided = inferences.find(({ role }) => role === 'active');
  const reports = await listReports(tx, id);
  const ctUid = pairing?.ctSeriesInstanceUid;
  return {
    case: row,
    study: (await findStudy(tx, row.mrStudyInstanceUid))!,
    mrSeries: (await findSeries(tx, row.mrSeriesInstanceUid))!,
    choice: await findChoice(tx, id, revision),
    ctSeries: ctUid ? await findSeries(tx, ctUid) : null,
    pairing,
    identities: await listIdentities(tx, row.mrStudyInstanceUid),
    aside: await listAside(tx, row.mrStudyInstanceUid),
    unread: await countUnread(tx, row.mrStudyInstanceUid),
    priorFetches: await listPriorFetchesOfStudy(tx, row.mrStudyInstanceUid),
    mr: await findLocalisation(tx, id, revision, 'MR'),
    ct: await findLocalisation(tx, id, revision, 'CT'),
    regions: await listRegions(tx, id, revision),
    measurements: await listMeasurements(tx, id, revision),
    inferences,
    model: decided ? await findModel(tx, decided.modelName, decided.modelVersion) : null,
    reports,
    deliveries: (await Promise.all(reports.map((report) => listDeliveries(tx, report.id)))).flat(),
    routes: await listRoutes(tx, id),
    readerVerdicts: await listVerdicts(tx, id),
    writtenReports: await listWrittenReports(tx, row.mrStudyInstanceUid),
    notices: await listNotices(tx, id),
    joined: await joinedCases(tx, id),
    audit: await listAudit(tx, 'case', id),
    purged: {
      regions: await findCasePurge(tx, id, 'regions', revision),
      reports: reports[0] ? await findCasePurge(tx, id, 'reports', reports[0].revision) : null,
      trail: await purgedTrailOf(tx, row),
    },
  };
}

/** The newest purge of the trail, where the case is older than the last row that went. */
async function purgedTrailOf(tx: Tx, { createdAt }: CaseRow): Promise<AuditPurgeRow | null> {
  const [newest] = await listAuditPurges(tx);
  return newest && createdAt.toISOString() <= newest.throughAt ? newest : null;
}

async function joinedCases(tx: Tx, id: string): Promise<JoinedCase[]> {
  const joined: JoinedCase[] = [];
  for (const row of await listJoinedCases(tx, id)) {
    const mrSeries = (await findSeries(tx, row.mrSeriesInstanceUid))!;
    joined.push({ case: row, mrSeries, reports: await listReports(tx, row.id) });
  }
  return joined;
}

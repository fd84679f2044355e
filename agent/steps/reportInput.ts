import { version } from '../../config/version.js';
import { type CaseRow, listJoinedCases } from '../../db/tables/cases.js';
import { findChoice } from '../../db/tables/choices.js';
import { type CaseInference, listInferences } from '../../db/tables/inferences.js';
import { findInstallationId } from '../../db/tables/installation.js';
import { type InstanceRow, listInstances } from '../../db/tables/instances.js';
import { findLocalisation, type LocalisationRow } from '../../db/tables/localisations.js';
import { listMeasurements, type MeasurementRow } from '../../db/tables/measurements.js';
import { findModel } from '../../db/tables/models.js';
import { findPairing } from '../../db/tables/pairings.js';
import { listRegions, type RegionRow } from '../../db/tables/regions.js';
import { findPredecessor } from '../../db/tables/reports.js';
import { findSeries } from '../../db/tables/series.js';
import { findStudy, type StudyRow } from '../../db/tables/studies.js';
import type { Header } from '../dicom/header.js';
import { derivedUid } from '../dicom/uid.js';
import { CalcidiscError } from '../domain/errors.js';
import { LEVELS } from '../domain/levels.js';
import { GREY_PERCENTILES } from '../locate/region.js';
import { atPrevalence } from '../report/certainty.js';
import type { ReportClassifier, ReportDisc, ReportInput, ReportSeries } from '../report/types.js';
import { allOf } from './allOf.js';
import type { StepContext } from './types.js';

/** Everything the report says about this revision, read from the database; nothing here is computed anew. */
export async function gatherReportInput(context: StepContext, row: CaseRow): Promise<ReportInput> {
  const { config, database } = context;
  const { knex } = database;
  const { id, revision } = row;
  // Side by side: each is a way to the database and back.
  const read = await allOf({
    pairing: findPairing(knex, id, revision),
    mrLocalisation: findLocalisation(knex, id, revision, 'MR'),
    ctLocalisation: findLocalisation(knex, id, revision, 'CT'),
    study: findStudy(knex, row.mrStudyInstanceUid),
    inferences: listInferences(knex, id, revision),
    regions: listRegions(knex, id, revision),
    measurements: listMeasurements(knex, id, revision),
    first: firstHeader(context, row.mrSeriesInstanceUid),
    predecessor: predecessorOf(context, row),
    alsoReplaced: joinedReports(context, row),
    mr: seriesOf(context, row.mrSeriesInstanceUid),
    choice: findChoice(knex, id, revision),
    device: deviceOf(context),
  });
  const { pairing, mrLocalisation, ctLocalisation, first } = read;
  if (!pairing || !mrLocalisation) throw incomplete(row, 'its pairing or its localisation');
  const study = read.study!;
  const inferences = read.inferences.filter(({ role }) => role === 'active');
  const { ctSeriesInstanceUid } = pairing;
  const found: Found = { regions: read.regions, measurements: read.measurements, inferences };
  const shift = await shiftOf(context, inferences[0]);
  return {
    caseId: row.id,
    revision: row.revision,
    revisionReason: row.revisionReason,
    predecessor: read.predecessor,
    alsoReplaced: read.alsoReplaced,
    patient: { ...patientOf(study), age: first?.patientAge ?? null },
    study: {
      ...studyOf(study),
      request: first?.request ?? null,
      issuerOfAccessionNumber: first?.issuerOfAccessionNumber ?? null,
    },
    mr: read.mr,
    ct: ctSeriesInstanceUid === null ? null : await seriesOf(context, ctSeriesInstanceUid),
    choice: read.choice,
    pairing: {
      outcome: pairing.outcome,
      intervalDays: pairing.intervalDays,
      windowDays: config.pair.windowDays,
      candidates: pairing.candidates,
    },
    localisation: mrLocalisation,
    ctLocalisation,
    discs: await discsOf(context, row, found, shift),
    classifier: await classifierOf(context, inferences[0]),
    localiser: localiserOf(mrLocalisation),
    parameters: { ...parametersOf(context, found), prevalence: shift?.to ?? null },
    device: read.device,
    // The moment the last thing in it became known: a repeated step writes the same bytes.
    createdAt: row.stateSince,
    sopClass: config.report.sopClass,
    seriesDescription: config.report.seriesDescription,
  };
}

function incomplete(row: CaseRow, what: string): CalcidiscError {
  return new CalcidiscError('REPORT_INVALID', `case ${row.id} has not stored ${what}`, { caseId: row.id });
}

async function predecessorOf({ database }: StepContext, row: CaseRow): Promise<ReportInput['predecessor']> {
  const report = await findPredecessor(database.knex, row.id, row.revision);
  return report && { ...report, studyInstanceUid: row.mrStudyInstanceUid };
}

/** The last report of each case of the study that was joined with this one, as far as a destination has it. */
async function joinedReports(
  { database }: StepContext,
  row: CaseRow,
): Promise<NonNullable<ReportInput['alsoReplaced']>> {
  const reports = [];
  for (const joined of await listJoinedCases(database.knex, row.id)) {
    const report = await findPredecessor(database.knex, joined.id, joined.revision + 1);
    if (report) reports.push({ ...report, studyInstanceUid: joined.mrStudyInstanceUid });
  }
  return reports;
}

function patientOf(study: StudyRow): ReportInput['patient'] {
  return {
    name: study.patientName,
    id: study.patientId,
    issuerOfPatientId: study.issuerOfPatientId,
    birthDate: study.patientBirthDate,
    sex: study.patientSex,
  };
}

/** The first image: what stands in no table (age at the study, the order) is read from it. */
async function firstHeader(
  { files, database }: StepContext,
  seriesInstanceUid: string,
): Promise<Header | null> {
  const [first] = await listInstances(database.knex, seriesInstanceUid);
  return first ? files.header(first) : null;
}

function studyOf(study: StudyRow): ReportInput['study'] {
  return {
    studyInstanceUid: study.studyInstanceUid,
    studyId: study.studyId,
    accessionNumber: study.accessionNumber,
    date: study.studyDate,
    time: study.studyTime,
    description: study.studyDescription,
    referringPhysicianName: study.referringPhysicianName,
  };
}

async function seriesOf({ database }: StepContext, seriesInstanceUid: string): Promise<ReportSeries> {
  const series = (await findSeries(database.knex, seriesInstanceUid))!;
  const study = await findStudy(database.knex, series.studyInstanceUid);
  const instances = await listInstances(database.knex, seriesInstanceUid);
  const { studyInstanceUid, frameOfReferenceUid } = series;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    studyDate: study?.studyDate ?? null,
    frameOfReferenceUid,
    instances,
  };
}

interface Found {
  readonly regions: readonly RegionRow[];
  readonly measurements: readonly MeasurementRow[];
  readonly inferences: readonly CaseInference[];
}

/** As they were when the work was done; the configuration of now only where nothing was found. */
function parametersOf({ config }: StepContext, { regions, measurements }: Found) {
  const { huLow, huHigh } = measurements[0] ?? config.reference;
  const { marginMm } = regions[0] ?? config.locate;
  return { marginMm, greyPercentiles: GREY_PERCENTILES, huLow, huHigh };
}

async function discsOf(
  context: StepContext,
  row: CaseRow,
  { regions, measurements, inferences }: Found,
  shift: Shift,
): Promise<ReportDisc[]> {
  const { knex } = context.database;
  const instances = await listInstances(knex, row.mrSeriesInstanceUid);
  const images = await imagesOf(context, regions, instances);
  return LEVELS.flatMap((level) => {
    const region = regions.find((each) => each.level === level);
    if (!region) return [];
    const inference = inferences.find(({ discRegionId }) => discRegionId === region.id);
    const ct = measurements.find((each) => each.level === level);
    return disc(region, images, inference, ct, shift);
  });
}

interface ImageOfDisc {
  readonly image: ReportDisc['image'];
  readonly imageSize: ReportDisc['imageSize'];
}

function disc(
  { level, sopInstanceUid, frameNumber, roiPixel }: RegionRow,
  images: ReadonlyMap<string, ImageOfDisc>,
  inference: CaseInference | undefined,
  ct: MeasurementRow | undefined,
  shift: Shift,
): ReportDisc[] {
  const shown = images.get(sopInstanceUid);
  if (!shown) return [];
  const image = frameNumber === null ? shown.image : { ...shown.image, frameNumber };
  return [
    {
      level,
      ...shown,
      image,
      roiPixel,
      answer: inference ? answerOf(inference, shift) : null,
      ct: ct ?? null,
    },
  ];
}

/** From the prevalence at which a model is calibrated to the site's; null: it is not calibrated, and its score stands. */
type Shift = { readonly from: number; readonly to: number } | null;

/** Seven digits say all of a float32; a threshold moves with the scores that are set against it. */
function answerOf({ probability, threshold, answer, reasons }: CaseInference, shift: Shift) {
  const moved = (value: number) =>
    shift === null ? value : Number(atPrevalence(value, shift.from, shift.to).toPrecision(7));
  return { probability: moved(probability), threshold: moved(threshold), answer, reasons };
}

/** What the card of the model that answered says of its calibration. */
async function shiftOf(
  { config, database }: StepContext,
  inference: CaseInference | undefined,
): Promise<Shift> {
  if (!inference) return null;
  const model = await findModel(database.knex, inference.modelName, inference.modelVersion);
  const { prevalence } = (model?.card.calibration ?? {}) as { prevalence?: unknown };
  return typeof prevalence === 'number' ? { from: prevalence, to: config.report.prevalence } : null;
}

async function imagesOf(
  { files }: StepContext,
  regions: readonly RegionRow[],
  instances: readonly InstanceRow[],
): Promise<Map<string, ImageOfDisc>> {
  const images = new Map<string, ImageOfDisc>();
  for (const uid of new Set(regions.map(({ sopInstanceUid }) => sopInstanceUid))) {
    const instance = instances.find(({ sopInstanceUid }) => sopInstanceUid === uid);
    if (!instance) continue;
    const { columns, rows } = await files.header(instance);
    const { sopClassUid, sopInstanceUid } = instance;
    images.set(uid, { image: { sopClassUid, sopInstanceUid }, imageSize: [columns ?? 0, rows ?? 0] });
  }
  return images;
}

async function classifierOf(
  { database }: StepContext,
  inference: CaseInference | undefined,
): Promise<ReportClassifier | null> {
  if (!inference) return null;
  const { modelName: name, modelVersion, modelSha256: sha256 } = inference;
  const model = await findModel(database.knex, name, modelVersion);
  const training = (model?.card.trainingData ?? {}) as { simulated?: unknown; attribution?: unknown };
  return {
    name,
    version: modelVersion,
    sha256,
    // A card that does not say it learnt from real calcification did not.
    simulated: training.simulated !== false,
    attribution: typeof training.attribution === 'string' ? training.attribution : '',
  };
}

function localiserOf({ localiserName: name, localiserVersion, localiserSha256: sha256 }: LocalisationRow) {
  return { name, version: localiserVersion, sha256 };
}

async function deviceOf({ config, database }: StepContext): Promise<ReportInput['device']> {
  const installation = await findInstallationId(database.knex);
  return {
    uid: derivedUid('installation', installation),
    serialNumber: installation,
    softwareVersion: version,
    aeTitle: config.dicom.aeTitle,
  };
}

import { addDisc } from './discRows.js';
import { type Row, type RowContext, type RowsByTable, SEED_TABLES, type StudyNames } from './rowTypes.js';
import type { SeededStudy } from './studies.js';
import { dayAfter } from './truth.js';

const FAMILIES = [
  'ADLER',
  'BERG',
  'COSTA',
  'DUBOIS',
  'EGGER',
  'FERRARI',
  'GARCIA',
  'HAAS',
  'IVANOV',
  'JANSEN',
  'KELLER',
  'LOPES',
];
const GIVEN = ['ANNA', 'BRUNO', 'CLARA', 'DAVID', 'ELSA', 'FELIX', 'GRETA', 'HUGO', 'INES', 'JONAS'];

export function namesOf({ ids, firstDay }: RowContext, study: SeededStudy): StudyNames {
  const { number, day, secondOfDay, ctAfterDays } = study;
  const mrDate = dayAfter(firstDay, day);
  const patient = study.first ?? study;
  const firstDigits = String(patient.number + 1).padStart(6, '0');
  const digits = String(number + 1).padStart(6, '0');
  return {
    caseId: ids.uuid('case', number),
    study: ids.uid('study', number),
    mr: ids.uid('mr', number),
    ctStudy: ids.uid('ct study', number),
    ct: ids.uid('ct', number),
    mrDate,
    ctDate: ctAfterDays === null ? null : dayAfter(mrDate, ctAfterDays),
    createdAt: new Date(Date.parse(`${mrDate}T00:00:00Z`) + secondOfDay * 1000),
    patientId: `SEED-${firstDigits}`,
    patientName: `${FAMILIES[patient.number % FAMILIES.length]}^${GIVEN[Math.floor(patient.number / 7) % GIVEN.length]}`,
    birthDate: dayAfter(dayAfter(firstDay, patient.day), -Math.round(patient.age * 365.25 + 100)),
    accessionNumber: `S${digits}`,
  };
}

/** The rows of these studies, as the path would have left them at its end. */
export function rowsOf(context: RowContext, studies: readonly SeededStudy[]): RowsByTable {
  const rows = Object.fromEntries(SEED_TABLES.map((table) => [table, [] as Row[]])) as RowsByTable;
  for (const study of studies) {
    const names = namesOf(context, study);
    addStudies(rows, context, study, names);
    addCase(rows, study, names);
    if (study.end !== 'delivered') continue;
    addLocalisations(rows, context, study, names);
    for (const [i, disc] of study.discs.entries()) addDisc(rows, context, { study, names, disc, order: i });
  }
  return rows;
}

function addStudies(rows: RowsByTable, { ids }: RowContext, study: SeededStudy, names: StudyNames): void {
  const { patientId, patientName, birthDate, accessionNumber, createdAt } = names;
  const patient = { patientId, patientName, patientBirthDate: birthDate, patientSex: study.sex };
  const add = (modality: 'MR' | 'CT', uids: { study: string; series: string }, date: string) => {
    const id = `${modality === 'CT' ? 'C' : ''}${accessionNumber}`;
    const description = modality === 'MR' ? 'MR lumbar spine' : 'CT lumbar spine';
    const studyInstanceUid = uids.study;
    rows.study.push({
      studyInstanceUid,
      ...patient,
      accessionNumber: id,
      studyDate: date,
      studyDescription: description,
      createdAt,
    });
    rows.study_identity.push({
      id: ids.uuid('identity', modality, study.number),
      studyInstanceUid,
      issuerOfPatientId: '',
      ...patient,
      firstReceivedAt: createdAt,
    });
    rows.series.push(seriesRow(study, modality, uids, date, createdAt));
  };
  add('MR', { study: names.study, series: names.mr }, names.mrDate);
  if (names.ctDate) add('CT', { study: names.ctStudy, series: names.ct }, names.ctDate);
}

function seriesRow(
  { scanner, body }: SeededStudy,
  modality: 'MR' | 'CT',
  uids: { readonly study: string; readonly series: string },
  date: string,
  createdAt: Date,
): Row {
  const isMr = modality === 'MR';
  const place = { InstitutionName: scanner.site, Modality: modality };
  const made = {
    StationName: scanner.station,
    Manufacturer: scanner.manufacturer,
    ManufacturerModelName: scanner.model,
    MagneticFieldStrength: scanner.fieldStrengthT,
    ...(body.sizeM !== null && { PatientSize: body.sizeM }),
    ...(body.weightKg !== null && { PatientWeight: body.weightKg }),
  };
  const ago = (seconds: number) => new Date(createdAt.getTime() - seconds * 1000);
  return {
    seriesInstanceUid: uids.series,
    studyInstanceUid: uids.study,
    modality,
    seriesNumber: isMr ? 3 : 2,
    seriesDescription: isMr ? 'T2 TSE SAG' : 'LWS 1.0 B40',
    protocolName: isMr ? 'T2 TSE SAG' : 'LWS',
    bodyPartExamined: 'LSPINE',
    acquisitionDate: date,
    attributes: isMr ? { ...place, ...made } : place,
    state: 'complete',
    completeReason: 'released-stack',
    completedAt: createdAt,
    role: isMr ? 'mr' : 'ct',
    roleReason: 'seeded',
    firstReceivedAt: ago(95),
    lastReceivedAt: ago(12),
  };
}

function addCase(rows: RowsByTable, study: SeededStudy, names: StudyNames): void {
  const { end } = study;
  rows.case.push({
    id: names.caseId,
    mrSeriesInstanceUid: names.mr,
    mrStudyInstanceUid: names.study,
    state: end,
    revision: 1,
    revisionReason: 'first reading',
    parkedFrom: end === 'parked' ? 'received' : null,
    attempts: end === 'parked' ? 1 : 0,
    nextAttemptAt: names.createdAt,
    lastErrorCode: end === 'parked' ? 'PIXELS_UNSUPPORTED' : null,
    lastError: end === 'parked' ? 'the pixels of 2 images cannot be decoded' : null,
    closedBecause: end === 'closed' ? 'the study shows no lumbar spine' : null,
    createdAt: names.createdAt,
    stateSince: new Date(names.createdAt.getTime() + study.secondsToReport * 1000 + 2000),
  });
  if (end !== 'delivered') return;
  const isPaired = names.ctDate !== null;
  rows.pairing.push({
    caseId: names.caseId,
    revision: 1,
    ctSeriesInstanceUid: isPaired ? names.ct : null,
    mrAcquisitionDate: names.mrDate,
    ctAcquisitionDate: names.ctDate,
    intervalDays: study.ctAfterDays,
    outcome: isPaired ? 'paired' : 'no-ct',
    createdAt: names.createdAt,
  });
}

function addLocalisations(
  rows: RowsByTable,
  context: RowContext,
  study: SeededStudy,
  names: StudyNames,
): void {
  const { localiser, pictures, ids } = context;
  const add = (modality: 'MR' | 'CT', seriesInstanceUid: string, isUncertain: boolean) =>
    rows.localisation.push({
      caseId: names.caseId,
      revision: 1,
      modality,
      seriesInstanceUid,
      status: isUncertain ? 'uncertain' : 'located',
      reasons: isUncertain ? ['the sacrum is out of sight'] : [],
      sliceSopInstanceUid: ids.uid('slice', modality, study.number),
      sliceIndex: 7,
      sliceCount: 15,
      slicePng: modality === 'MR' ? pictures.slice.png : null,
      pictureFigures: modality === 'MR' ? study.pictures : null,
      pixelSpacingMm: [study.scanner.spacingMm, study.scanner.spacingMm],
      localiserName: localiser.name,
      localiserVersion: localiser.version,
      localiserSha256: localiser.sha256,
      milliseconds: 2400,
      createdAt: names.createdAt,
    });
  add('MR', names.mr, study.isUncertain);
  if (names.ctDate) add('CT', names.ct, study.number % 33 === 5);
}

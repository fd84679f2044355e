import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { sha256 } from '../../agent/domain/hash.js';
import { buildReport } from '../../agent/report/build.js';
import type { ReportInput, ReportSeries } from '../../agent/report/types.js';
import { version } from '../../config/version.js';
import { answerOf } from './discRows.js';
import { SLICE_SIZE } from './pictures.js';
import { namesOf } from './rows.js';
import type { Row, RowContext, RowsByTable, StudyNames } from './rowTypes.js';
import type { SeededStudy } from './studies.js';

/** The reports of these studies, each stored at the one destination. */
export interface ReportRows {
  readonly report: readonly Row[];
  readonly delivery: readonly Row[];
  readonly delivery_form: readonly Row[];
}

interface SharedReport {
  readonly file: Uint8Array;
  readonly sopClassUid: string;
}

/**
 * @param isOwn whether a study has a report of its own; the others share the bytes of the first, which is quicker
 */
export function reportsOf(
  context: RowContext,
  studies: readonly SeededStudy[],
  rows: RowsByTable,
  isOwn: (study: SeededStudy) => boolean,
  shared: { first?: SharedReport },
): ReportRows {
  const made = { report: [] as Row[], delivery: [] as Row[], delivery_form: [] as Row[] };
  const { ids } = context;
  for (const study of studies) {
    if (study.end !== 'delivered') continue;
    const names = namesOf(context, study);
    const built =
      isOwn(study) || !shared.first ? buildReport(inputOf(context, study, names, rows)) : shared.first;
    shared.first ??= built;
    const fileSha256 = sha256(built.file);
    const after = (seconds: number) => new Date(names.createdAt.getTime() + seconds * 1000);
    const [reportId, deliveryId] = [ids.uuid('report', study.number), ids.uuid('delivery', study.number)];
    const storedAt = after(study.secondsToReport + 2);
    made.report.push({
      id: reportId,
      caseId: names.caseId,
      revision: 1,
      sopInstanceUid: ids.uid('report', study.number),
      seriesInstanceUid: ids.uid('report series', study.number),
      sopClassUid: built.sopClassUid,
      file: Buffer.from(built.file),
      fileSha256,
      createdAt: after(study.secondsToReport),
    });
    made.delivery.push({
      id: deliveryId,
      reportId,
      destination: 'pacs',
      state: 'stored',
      attempts: 1,
      lastStatus: '0000',
      createdAt: after(study.secondsToReport),
      nextAttemptAt: storedAt,
      commitment: 'none',
      commitmentAttempts: 0,
      commitmentResends: 0,
      storedAt,
    });
    made.delivery_form.push({ deliveryId, form: 'sr', status: '0000', sha256: fileSha256, storedAt });
  }
  return made;
}

function inputOf(context: RowContext, study: SeededStudy, names: StudyNames, rows: RowsByTable): ReportInput {
  const { ids, models, localiser } = context;
  const deciding = models[0]!;
  const image = {
    sopClassUid: SOP_CLASSES.mrImage.uid,
    sopInstanceUid: ids.uid('slice', 'MR', study.number),
  };
  const regions = rows.disc_region.filter(({ caseId }) => caseId === names.caseId);
  return {
    caseId: names.caseId,
    revision: 1,
    revisionReason: 'first reading',
    predecessor: null,
    ...whoseOf(study, names),
    mr: seriesOf(names.study, names.mr, names.mrDate, [image]),
    ct: names.ctDate
      ? seriesOf(names.ctStudy, names.ct, names.ctDate, [
          { sopClassUid: SOP_CLASSES.ctImage.uid, sopInstanceUid: ids.uid('slice', 'CT', study.number) },
        ])
      : null,
    choice: null,
    pairing: {
      outcome: names.ctDate ? 'paired' : 'no-ct',
      intervalDays: study.ctAfterDays,
      windowDays: 28,
      candidates: [],
    },
    localisation: {
      status: study.isUncertain ? 'uncertain' : 'located',
      reasons: study.isUncertain ? ['the sacrum is out of sight'] : [],
    },
    ctLocalisation: names.ctDate ? { status: 'located', reasons: [] } : null,
    discs: discsOf(context, study, image, regions),
    classifier: {
      name: deciding.row.name,
      version: deciding.row.version,
      sha256: deciding.row.sha256,
      simulated: true,
      attribution: '',
    },
    localiser,
    parameters: { marginMm: 10, greyPercentiles: [1, 99.5], huLow: 120.1, huHigh: 383.7, prevalence: null },
    device: {
      uid: ids.uid('device'),
      serialNumber: 'seeded',
      softwareVersion: version,
      aeTitle: 'CALCIDISC',
    },
    createdAt: new Date(names.createdAt.getTime() + study.secondsToReport * 1000),
    utcOffsetMinutes: 0,
    sopClass: 'Comprehensive3DSR',
    seriesDescription: 'Calcidisc AI: invented (seeded)',
  };
}

function whoseOf(study: SeededStudy, names: StudyNames): Pick<ReportInput, 'patient' | 'study'> {
  return {
    patient: {
      name: names.patientName,
      id: names.patientId,
      issuerOfPatientId: '',
      birthDate: names.birthDate,
      sex: study.sex,
    },
    study: {
      studyInstanceUid: names.study,
      studyId: '',
      accessionNumber: names.accessionNumber,
      date: names.mrDate,
      time: '',
      description: 'MR lumbar spine',
      referringPhysicianName: '',
    },
  };
}

function discsOf(
  { models }: RowContext,
  study: SeededStudy,
  image: ReportInput['discs'][number]['image'],
  regions: readonly Row[],
): ReportInput['discs'] {
  const deciding = models[0]!;
  return study.discs.map((disc, i) => {
    const { probability, answer, reasons } = answerOf(disc, 0, deciding);
    const roiPixel = regions[i]!.roiPixel as [number, number, number, number];
    const given = { probability, threshold: deciding.threshold, answer, reasons };
    return {
      level: disc.level,
      image,
      imageSize: [SLICE_SIZE.width, SLICE_SIZE.height] as const,
      roiPixel,
      answer: given,
      ct: null,
    };
  });
}

function seriesOf(
  study: string,
  series: string,
  date: string,
  instances: ReportSeries['instances'],
): ReportSeries {
  return {
    studyInstanceUid: study,
    seriesInstanceUid: series,
    studyDate: date,
    frameOfReferenceUid: null,
    instances,
  };
}

import { isUid } from '../dicom/uid.js';
import type { Code } from '../domain/code.js';
import { CALCIFICATION } from '../domain/findings.js';
import { LEVEL_TABLE } from '../domain/levels.js';
import { measurementOf, resultOf, scoreOf, unstatedWords } from './answers.js';
import { CONCEPT, UNIT, VALUE } from './codes.js';
import { conclusion, recommendation, remarks } from './evaluations.js';
import { trackingUid } from './measurements.js';
import { MANUFACTURER, MODEL_NAME, reportUids } from './modules.js';
import type { ReportDisc, ReportInput, ReportSeries } from './types.js';
import { formatDa, localDateTime, offsetOf, utcOffset } from './values.js';

/** A FHIR R4 resource, as JSON. */
export interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

/** What a read-only view of one report serves: everything that its references name. */
export interface FhirReport {
  readonly diagnosticReport: Resource;
  readonly observations: readonly Resource[];
  readonly imagingStudies: readonly Resource[];
  readonly device: Resource;
  /** For a person to read the study; with what is to be done beyond that, when there is something. */
  readonly task: Resource;
}

/**
 * The report as FHIR R4: DiagnosticReport (preliminary) -> Observation per disc -> ImagingStudy, a Task for review.
 * The patient is named by identifier, not by reference: this is no patient registry. Ids are UIDs of the report, so
 * the same report gives the same resources.
 */
export function buildFhir(input: ReportInput): FhirReport {
  const device = deviceOf(input);
  const imagingStudies = imagingStudiesOf(input);
  const observations = input.discs.map((disc, index) => observationOf(input, disc, index, device));
  const diagnosticReport = diagnosticReportOf(input, observations, imagingStudies);
  return { diagnosticReport, observations, imagingStudies, device, task: taskOf(input, diagnosticReport) };
}

/**
 * All of it in one document, in the order in which references are met.
 * @param base where the resources are served, without a slash at the end
 */
export function bundleOf(report: FhirReport, base: string): Resource {
  const { diagnosticReport, observations, imagingStudies, device, task } = report;
  const resources = [diagnosticReport, ...observations, ...imagingStudies, device, task];
  return {
    resourceType: 'Bundle',
    id: diagnosticReport.id,
    type: 'collection',
    entry: resources.map((resource) => ({
      fullUrl: `${base}/${resource.resourceType}/${resource.id}`,
      resource,
    })),
  };
}

function diagnosticReportOf(
  input: ReportInput,
  observations: readonly Resource[],
  studies: readonly Resource[],
): Resource {
  const { sopInstanceUid } = reportUids(input);
  return {
    resourceType: 'DiagnosticReport',
    id: sopInstanceUid,
    meta: { versionId: String(input.revision) },
    identifier: [dicomUid(sopInstanceUid), ...accession(input)],
    // What nobody has verified stays preliminary, its revisions too: "amended" is for what was final.
    status: 'preliminary',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }],
    code: concept(VALUE.mriProcedure),
    subject: subjectOf(input),
    ...(studyStart(input) ? { effectiveDateTime: studyStart(input) } : {}),
    issued: instant(input),
    ...(observations.length > 0 ? { result: observations.map(reference) } : {}),
    imagingStudy: studies.map(reference),
    conclusion: [conclusion(input), ...remarks(input)].join('\n'),
  };
}

function observationOf(input: ReportInput, disc: ReportDisc, index: number, device: Resource): Resource {
  const isConfirmed = input.localisation.status === 'located';
  const { classifier } = input;
  const tracked = trackingUid(input.patient, input.study.studyInstanceUid, disc.level);
  return {
    resourceType: 'Observation',
    id: `${reportUids(input).sopInstanceUid}-${index + 1}`,
    // The name of the disc, the same in every study of the patient; a disc without a sure level has none.
    ...(isConfirmed ? { identifier: [dicomUid(tracked)] } : {}),
    status: 'preliminary',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'imaging' }] },
    ],
    code: concept(CALCIFICATION.code),
    subject: subjectOf(input),
    ...(studyStart(input) ? { effectiveDateTime: studyStart(input) } : {}),
    issued: instant(input),
    ...observedOf(disc),
    bodySite: concept(isConfirmed ? LEVEL_TABLE[disc.level].code : VALUE.disc),
    ...(classifier
      ? { method: { text: `${classifier.name} ${classifier.version} (${classifier.sha256})` } }
      : {}),
    device: reference(device),
    ...notesOf(disc, isConfirmed),
    ...componentsOf(disc, measurementOf(input, disc)),
  };
}

/** Nothing is observed where the region could not be read: FHIR has a place for why there is no value. */
function observedOf(disc: ReportDisc) {
  if (disc.answer?.answer !== 'not-assessable') return { valueCodeableConcept: concept(resultOf(disc)) };
  const system = 'http://terminology.hl7.org/CodeSystem/data-absent-reason';
  return { dataAbsentReason: { coding: [{ system, code: 'not-performed' }], text: unstatedWords(disc) } };
}

function notesOf(disc: ReportDisc, isConfirmed: boolean): { note?: readonly { text: string }[] } {
  const words = unstatedWords(disc);
  const notes = [
    ...(isConfirmed ? [] : [`The level is not confirmed; it would be called ${disc.level}.`]),
    ...(words === null ? [] : [words]),
  ];
  return notes.length === 0 ? {} : { note: notes.map((text) => ({ text })) };
}

/** An empty array is no legal value: the element is left out. */
function componentsOf(disc: ReportDisc, ct: ReportDisc['ct']): { component?: readonly unknown[] } {
  const attenuation = (hu: number | null | undefined, derivation: Code) =>
    hu === null || hu === undefined
      ? []
      : [
          component(
            { ...CONCEPT.meanAttenuation, meaning: `CT attenuation, ${derivation.meaning.toLowerCase()}` },
            hu,
            UNIT.hounsfield,
          ),
        ];
  const score = scoreOf(disc);
  const components = [
    ...(score === null ? [] : [component(CONCEPT.certainty, percent(score), UNIT.percent)]),
    ...attenuation(ct?.meanHu, VALUE.mean),
    ...attenuation(ct?.maxHu, VALUE.maximum),
  ];
  return components.length === 0 ? {} : { component: components };
}

function component(what: Code, value: number, unit: Code) {
  return {
    code: { ...concept(what), text: what.meaning },
    valueQuantity: { value, unit: unit.meaning, system: SYSTEMS[unit.scheme], code: unit.value },
  };
}

function percent(probability: number): number {
  return Number((probability * 100).toPrecision(7));
}

/** One per study: the CT's images are of another study as a rule. */
function imagingStudiesOf(input: ReportInput): Resource[] {
  const read = [
    { modality: 'MR', series: input.mr },
    ...(input.ct ? [{ modality: 'CT', series: input.ct }] : []),
  ];
  const uids = [...new Set(read.map(({ series }) => series.studyInstanceUid))];
  return uids.map((uid) => {
    const own = read.filter(({ series }) => series.studyInstanceUid === uid);
    const isMr = uid === input.study.studyInstanceUid;
    const started = isMr ? studyStart(input) : isoDate(own[0]!.series.studyDate);
    return {
      resourceType: 'ImagingStudy',
      id: uid,
      identifier: [dicomUid(uid), ...(isMr ? accession(input) : [])],
      status: 'available',
      subject: subjectOf(input),
      ...(started ? { started } : {}),
      modality: own.map(({ modality }) => dicomCoding(modality)),
      series: own.map(({ modality, series }) => seriesOf(modality, series)),
    };
  });
}

/** The series that were read, not all of the study's: its counts are the PACS's to tell. */
function seriesOf(modality: string, { seriesInstanceUid, instances }: ReportSeries) {
  return {
    uid: seriesInstanceUid,
    modality: dicomCoding(modality),
    numberOfInstances: instances.length,
    bodySite: coding(VALUE.lumbarSpine),
    instance: instances.map(({ sopInstanceUid, sopClassUid }) => ({
      uid: sopInstanceUid,
      sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${sopClassUid}` },
    })),
  };
}

function deviceOf({ device }: ReportInput): Resource {
  return {
    resourceType: 'Device',
    id: device.uid,
    identifier: [dicomUid(device.uid)],
    manufacturer: MANUFACTURER,
    serialNumber: device.serialNumber,
    deviceName: [{ name: MODEL_NAME, type: 'model-name' }],
    version: [{ value: device.softwareVersion }],
    note: [{ text: 'Research software, not a medical device.' }],
  };
}

function taskOf(input: ReportInput, report: Resource): Resource {
  const next = recommendation(input);
  return {
    resourceType: 'Task',
    id: `${report.id}-review`,
    status: 'requested',
    intent: 'proposal',
    description: next?.reason ?? 'Read the study and verify the preliminary report.',
    focus: reference(report),
    for: subjectOf(input),
    authoredOn: instant(input),
  };
}

const SYSTEMS: Readonly<Record<string, string>> = {
  DCM: 'http://dicom.nema.org/resources/ontology/DCM',
  SCT: 'http://snomed.info/sct',
  LN: 'http://loinc.org',
  UCUM: 'http://unitsofmeasure.org',
};

function coding({ value, scheme, meaning }: Code) {
  return { system: SYSTEMS[scheme], code: value, display: meaning };
}

function concept(what: Code) {
  return { coding: [coding(what)] };
}

function dicomCoding(code: string) {
  return { system: SYSTEMS.DCM, code };
}

function dicomUid(uid: string) {
  return { system: 'urn:dicom:uid', value: `urn:oid:${uid}` };
}

function accession({ study }: ReportInput) {
  if (study.accessionNumber === '') return [];
  const type = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'ACSN' }] };
  return [{ type, value: study.accessionNumber }];
}

function subjectOf({ patient }: ReportInput) {
  const { id, issuerOfPatientId } = patient;
  if (id === '') return { type: 'Patient', display: 'a patient without an ID' };
  const system = systemOfIssuer(issuerOfPatientId);
  const assigner = issuerOfPatientId && system === null ? { assigner: { display: issuerOfPatientId } } : {};
  return { type: 'Patient', identifier: { ...(system === null ? {} : { system }), value: id, ...assigner } };
}

/**
 * Issuer of Patient ID (0010,0021) is free text; where a site writes an OID or a URI there, it is the identifier's system.
 */
export function systemOfIssuer(issuer: string): string | null {
  if (isUid(issuer) && issuer.includes('.')) return `urn:oid:${issuer}`;
  return /^(https?:\/\/|urn:)\S+$/.test(issuer) ? issuer : null;
}

function reference({ resourceType, id }: Resource) {
  return { reference: `${resourceType}/${id}` };
}

function instant(input: ReportInput): string {
  const offset = offsetOf(input);
  const { da, tm } = localDateTime(input.createdAt, offset);
  const time = `${tm.slice(0, 2)}:${tm.slice(2, 4)}:${tm.slice(4)}`;
  return `${isoDate(da)}T${time}${zone(offset)}`;
}

function zone(offset: number): string {
  return utcOffset(offset).replace(/(\d\d)$/, ':$1');
}

function isoDate(date: string | null): string {
  return formatDa(date).replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3');
}

/** A time needs a zone in FHIR, which the header seldom has: the day alone is told. */
function studyStart({ study }: ReportInput): string {
  return isoDate(study.date);
}

import { CFindRequest, type CFindResponse, Dataset } from '../dicom/dimse/library.js';
import type { OutgoingAssociation } from '../dicom/dimse/outgoing.js';
import { isUid } from '../dicom/uid.js';
import { type Matched, parseMatch } from './match.js';
import { MOST_MATCHES, type SeriesMatch, type StudyMatch, type StudyQuery } from './matches.js';
import { type DimseSource, refuseFailure } from './source.js';

type Level = 'STUDY' | 'SERIES' | 'IMAGE';

/** C-FIND at study level: studies of a modality between two dates, both included. */
export async function findStudies(
  association: OutgoingAssociation,
  source: DimseSource,
  { patientId, modality, from, to }: StudyQuery,
): Promise<StudyMatch[]> {
  const matches = await find(association, source, 'STUDY', {
    PatientID: patientId,
    IssuerOfPatientID: '',
    StudyInstanceUID: '',
    StudyDate: `${from.replaceAll('-', '')}-${to.replaceAll('-', '')}`,
    StudyDescription: '',
    ModalitiesInStudy: modality,
  });
  return matches
    .map((match) => ({
      studyInstanceUid: match.text('StudyInstanceUID'),
      patientId: match.text('PatientID'),
      issuerOfPatientId: match.text('IssuerOfPatientID'),
      studyDate: match.date('StudyDate'),
      studyDescription: match.text('StudyDescription'),
      modalities: match.list('ModalitiesInStudy'),
    }))
    .filter(({ studyInstanceUid }) => isUid(studyInstanceUid));
}

/** C-FIND at series level: a study's series, of one modality or one UID when given. */
export async function findSeriesOf(
  association: OutgoingAssociation,
  source: DimseSource,
  studyInstanceUid: string,
  only: { readonly modality?: string; readonly seriesInstanceUid?: string },
): Promise<SeriesMatch[]> {
  const matches = await find(association, source, 'SERIES', {
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: only.seriesInstanceUid ?? '',
    Modality: only.modality ?? '',
    SeriesDescription: '',
    BodyPartExamined: '',
    SeriesDate: '',
    NumberOfSeriesRelatedInstances: '',
  });
  return matches
    .map((match) => ({
      studyInstanceUid,
      seriesInstanceUid: match.text('SeriesInstanceUID'),
      modality: match.text('Modality'),
      seriesDescription: match.text('SeriesDescription'),
      bodyPartExamined: match.text('BodyPartExamined'),
      seriesDate: match.date('SeriesDate'),
      instances: match.count('NumberOfSeriesRelatedInstances'),
    }))
    .filter(({ seriesInstanceUid }) => isUid(seriesInstanceUid));
}

/** For a PACS that does not keep the number: its images, counted one by one. */
export async function countImages(
  association: OutgoingAssociation,
  source: DimseSource,
  studyInstanceUid: string,
  seriesInstanceUid: string,
): Promise<number> {
  const matches = await find(association, source, 'IMAGE', {
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    SOPInstanceUID: '',
  });
  return new Set(matches.map((match) => match.text('SOPInstanceUID'))).size;
}

async function find(
  association: OutgoingAssociation,
  source: DimseSource,
  level: Level,
  keys: Readonly<Record<string, string>>,
): Promise<Matched[]> {
  const request = new CFindRequest();
  // What is not ASCII goes out as UTF-8 whatever is declared, so it is declared.
  const isAscii = Object.values(keys).every((value) => /^[\x20-\x7e]*$/.test(value));
  const charset = isAscii ? {} : { SpecificCharacterSet: 'ISO_IR 192' };
  request.setDataset(new Dataset({ ...charset, QueryRetrieveLevel: level, ...keys }));
  const matches: Matched[] = [];
  const last = await association.perform(request, (response) => {
    const dataset = (response as CFindResponse).getDataset();
    if (dataset && matches.length < MOST_MATCHES) matches.push(parseMatch(dataset.getElements()));
  });
  refuseFailure(`C-FIND at ${level} level`, source, last.getStatus(), last.getErrorComment() ?? '');
  return matches;
}

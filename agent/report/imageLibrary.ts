import { isUid } from '../dicom/uid.js';
import type { Code } from '../domain/code.js';
import { CONCEPT, VALUE } from './codes.js';
import { type ContentItem, code, container, date, image, uidref } from './content.js';
import type { ReportInput, ReportSeries } from './types.js';
import { formatDa } from './values.js';

/** TID 1600: every image that was read, MR and CT apart. */
export function imageLibrary({ mr, ct }: ReportInput): ContentItem {
  const groups = [group(VALUE.mr, mr), ...(ct === null ? [] : [group(VALUE.ct, ct)])];
  return container(CONCEPT.imageLibrary, '1600', groups);
}

/** What the images of a group have in common (TID 1602), then the images. */
function group(modality: Code, series: ReportSeries): ContentItem {
  const { studyDate, frameOfReferenceUid } = series;
  return container(CONCEPT.imageLibraryGroup, null, [
    code('HAS ACQ CONTEXT', CONCEPT.modality, modality),
    code('HAS ACQ CONTEXT', CONCEPT.targetRegion, VALUE.lumbarSpine),
    ...(formatDa(studyDate) ? [date('HAS ACQ CONTEXT', CONCEPT.studyDate, formatDa(studyDate))] : []),
    // One that is no UID at all is left out: nothing else of the report hangs on it.
    ...(frameOfReferenceUid && isUid(frameOfReferenceUid)
      ? [uidref('HAS ACQ CONTEXT', CONCEPT.frameOfReference, frameOfReferenceUid)]
      : []),
    ...series.instances.map((instance) => image('CONTAINS', instance)),
  ]);
}

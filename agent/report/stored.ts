import type { InstanceReference, ReportInput, ReportSeries } from './types.js';
import { offsetOf } from './values.js';

/** A report's input as JSON: what is kept with the report, for its other forms and for messages. */
export type StoredInput = Omit<ReportInput, 'createdAt'> & { readonly createdAt: string };

/**
 * Everything that a report says, and nothing that rows bring along (pixels, paths): from it the same report is
 * written again to the bit, in another time zone too.
 */
export function storedOf(input: ReportInput): StoredInput {
  const { localisation, ctLocalisation, createdAt, mr, ct, discs, alsoReplaced } = input;
  return {
    ...input,
    createdAt: createdAt.toISOString(),
    utcOffsetMinutes: offsetOf(input),
    predecessor: input.predecessor && documentOf(input.predecessor),
    ...(alsoReplaced ? { alsoReplaced: alsoReplaced.map(documentOf) } : {}),
    mr: seriesOf(mr),
    ct: ct && seriesOf(ct),
    localisation: { status: localisation.status, reasons: localisation.reasons },
    ctLocalisation: ctLocalisation && { status: ctLocalisation.status, reasons: ctLocalisation.reasons },
    discs: discs.map((disc) => ({ ...disc, ct: disc.ct && measurementOf(disc.ct) })),
  };
}

export function inputFrom(stored: StoredInput): ReportInput {
  return { ...stored, createdAt: new Date(stored.createdAt) };
}

type Document = NonNullable<ReportInput['predecessor']>;

function documentOf(document: Document): Document {
  const { studyInstanceUid, seriesInstanceUid } = document;
  return { studyInstanceUid, seriesInstanceUid, ...instanceOf(document) };
}

function instanceOf({ sopClassUid, sopInstanceUid }: InstanceReference): InstanceReference {
  return { sopClassUid, sopInstanceUid };
}

function seriesOf({ instances, ...series }: ReportSeries): ReportSeries {
  return { ...series, instances: instances.map(instanceOf) };
}

type Measurement = NonNullable<ReportInput['discs'][number]['ct']>;

function measurementOf({ label, meanHu, maxHu, areaMm2 }: Measurement): Measurement {
  return { label, meanHu, maxHu, areaMm2 };
}

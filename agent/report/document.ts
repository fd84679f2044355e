import { Worker } from 'node:worker_threads';
import type { CaptureSlice } from './capturePicture.js';
import { CONCEPT } from './codes.js';
import { companionFile } from './companion.js';
import { codeSequence, referencedSop } from './content.js';
import type { PageOrder } from './documentThread.js';
import type { BuiltReport, ReportInput } from './types.js';
import { localDateTime, offsetOf } from './values.js';

/**
 * An Encapsulated PDF of the report (PS3.3 A.45.1): one page to print.
 * @throws CalcidiscError REPORT_INVALID as buildReport
 */
export async function buildDocument(input: ReportInput, slice: CaptureSlice | null): Promise<BuiltReport> {
  const pdf = await drawDocument(input, slice);
  const now = localDateTime(input.createdAt, offsetOf(input));
  const source = input.discs[0]?.image ?? input.mr.instances[0]!;
  return companionFile('document', input, {
    // PS3.3 C.8.6.1: made by a workstation.
    ConversionType: 'WSD',
    ContentDate: now.da,
    ContentTime: now.tm,
    AcquisitionDateTime: '',
    // Accession number and date of the study stand on it (PS3.3 C.24.2).
    BurnedInAnnotation: 'YES',
    SourceInstanceSequence: [referencedSop(source)],
    DocumentTitle: input.seriesDescription,
    ConceptNameCodeSequence: codeSequence(CONCEPT.title),
    VerificationFlag: 'UNVERIFIED',
    MIMETypeOfEncapsulatedDocument: 'application/pdf',
    EncapsulatedDocument: pdf,
    EncapsulatedDocumentLength: pdf.length,
  });
}

/**
 * Beside the thread that answers DIMSE: fonts are read and shaped for half a second.
 * @returns the same bytes for the same input
 */
function drawDocument(input: ReportInput, slice: CaptureSlice | null): Promise<Uint8Array> {
  const workerData: PageOrder = { input, slice };
  const thread = new Worker(new URL('./documentThread.js', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the thread that draws a page ended with ${code}`)));
  });
}

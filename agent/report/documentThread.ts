import { parentPort, workerData } from 'node:worker_threads';
import type { CaptureSlice } from './capturePicture.js';
import { drawPage } from './documentPage.js';
import type { ReportInput } from './types.js';

/** The thread of one page (documentPage.ts). */
export interface PageOrder {
  readonly input: ReportInput;
  readonly slice: CaptureSlice | null;
}

const { input, slice } = workerData as PageOrder;
const pdf = await drawPage(input, slice);
parentPort!.postMessage(pdf, [pdf.buffer as ArrayBuffer]);

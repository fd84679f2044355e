import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { buildCapture } from './capture.js';
import type { CaptureSlice } from './capturePicture.js';
import { COMPANIONS } from './companion.js';
import { buildDocument } from './document.js';
import { buildPresentation } from './presentation.js';
import type { BuiltReport, ReportInput } from './types.js';

/** Other DICOM objects that tell a report, each in a series of its own, the same for every revision. */
export const OBJECT_FORMS = {
  sc: { words: 'picture (sc)', companion: 'capture', build: buildCapture },
  gsps: { words: 'presentation state (gsps)', companion: 'presentation', build: buildPresentation },
  pdf: { words: 'page (pdf)', companion: 'document', build: buildDocument },
} as const satisfies Record<
  string,
  {
    readonly words: string;
    readonly companion: keyof typeof COMPANIONS;
    /** null where there is nothing to make it of. */
    readonly build: (input: ReportInput, slice: CaptureSlice | null) => Promise<BuiltReport | null>;
  }
>;

export type ObjectForm = keyof typeof OBJECT_FORMS;

/** What a form is as a DICOM object. */
export function sopClassOf(form: ObjectForm): string {
  return SOP_CLASSES[COMPANIONS[OBJECT_FORMS[form].companion].sopClass].uid;
}

export function isObjectForm(form: string): form is ObjectForm {
  return Object.hasOwn(OBJECT_FORMS, form);
}

/** What a form is called where a person reads of it. */
export function formWords(form: string): string {
  return form === 'sr' ? 'SR' : isObjectForm(form) ? OBJECT_FORMS[form].words : form;
}

import { buildCapture } from './capture.js';
import type { CaptureSlice } from './capturePicture.js';
import { buildDocument } from './document.js';
import { buildPresentation } from './presentation.js';
import type { BuiltReport, ReportInput } from './types.js';

/** Other DICOM objects that tell a report, each in a series of its own, the same for every revision. */
export const OBJECT_FORMS = {
  sc: { words: 'picture (sc)', build: buildCapture },
  gsps: { words: 'presentation state (gsps)', build: buildPresentation },
  pdf: { words: 'page (pdf)', build: buildDocument },
} as const satisfies Record<
  string,
  {
    readonly words: string;
    /** null where there is nothing to make it of. */
    readonly build: (input: ReportInput, slice: CaptureSlice | null) => Promise<BuiltReport | null>;
  }
>;

export type ObjectForm = keyof typeof OBJECT_FORMS;

export function isObjectForm(form: string): form is ObjectForm {
  return Object.hasOwn(OBJECT_FORMS, form);
}

/** What a form is called where a person reads of it. */
export function formWords(form: string): string {
  return form === 'sr' ? 'SR' : isObjectForm(form) ? OBJECT_FORMS[form].words : form;
}

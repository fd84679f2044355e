/** What a reader's document makes of one disc of our report. */
export const READER_VERDICTS = {
  confirmed: 'confirmed',
  rejected: 'REJECTED',
  /** A box of a disc that was not flagged is gone: that says nothing of calcification. */
  removed: 'box removed',
  unclear: 'said something else',
  added: 'added a box of his own',
} as const;

export type ReaderVerdict = keyof typeof READER_VERDICTS;

/** Left, top, right, bottom in the image's own pixels, from the top left corner of the first (PS3.3 C.18.6). */
export type ReaderBox = readonly [left: number, top: number, right: number, bottom: number];

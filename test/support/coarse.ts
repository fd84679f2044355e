/** How phantoms are drawn where nothing is measured on them: a third of the processor time and of the files. */
export const COARSE_MR = { matrix: 320, slices: 9 } as const;
export const COARSE_CT = { sliceMm: 3, spacingMm: 1.5, fieldOfViewMm: 180 } as const;
/** Drawn and not sent. */
export const UNUSED_CT = { sliceMm: 6, spacingMm: 3, fieldOfViewMm: 120 } as const;

/** The picture of a region that a classifier sees: this many rows and columns, 8-bit grey. */
export const REGION_SIDE = 224;
/** How many pixels that is. */
export const REGION_PIXELS = REGION_SIDE * REGION_SIDE;

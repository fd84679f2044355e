/** From a stored value to a grey (PS3.3 C.11.1, C.11.2): rescaled by slope and intercept, then from low to high. */
export interface SliceGrey {
  readonly slope: number;
  readonly intercept: number;
  /** Rescaled values at the ends of the window. */
  readonly low: number;
  readonly high: number;
  /** MONOCHROME1: low is bright. */
  readonly isInverted: boolean;
}

/** What the picture looks like that a series was read by: watched for drift, and asked of nobody's answer. */
export interface PictureFigures {
  /** Mean of the regions as the classifier sees them, 0 to 255. */
  readonly grey: number;
  /** Noise in the vertebrae of the shown slice over their mean signal; null where too little of them is seen. */
  readonly noise: number | null;
  /** Gradient of the regions over the spread of their greys, per pixel of a region: what is blurred has less. */
  readonly sharpness: number;
}

/**
 * What one image says that its series is judged by, kept beside its row in the index. What it does not say is absent.
 * Dates are YYYY-MM-DD.
 */
export interface ImageFacts {
  readonly modality?: string;
  readonly manufacturer?: string;
  readonly seriesDescription?: string;
  readonly studyDescription?: string;
  readonly protocolName?: string;
  readonly bodyPartExamined?: string;
  /** AnatomicRegionSequence, as SCHEME:VALUE. */
  readonly anatomicRegion?: readonly string[];
  readonly scanningSequence?: readonly string[];
  readonly scanOptions?: readonly string[];
  /** Milliseconds, and so the next. */
  readonly repetitionTime?: number;
  readonly inversionTime?: number;
  readonly acquisitionDate?: string;
  readonly dateDoubts?: readonly string[];
  readonly frameOfReferenceUid?: string;
  readonly numberOfFrames?: number;
  /** One for an image; of an object with frames, one for each kind and plane of them. */
  readonly pictures: readonly PictureFacts[];
}

export interface PictureFacts {
  readonly count: number;
  /** Pictures of one kind have the same (agent/dicom/pictureKind.ts). */
  readonly kind: string;
  /** In words. */
  readonly kindName: string;
  /** ImageType or FrameType, whole. */
  readonly imageType?: readonly string[];
  readonly echoTime?: number;
  readonly orientation?: readonly number[];
  /** Millimetres, and so the next: the larger side of the picture. */
  readonly sliceThickness?: number;
  readonly widthMm?: number;
}

/**
 * What one image says that its series is judged by, kept beside its row in the index. What it does not say is absent.
 * Dates are YYYY-MM-DD.
 */
export interface ImageFacts {
  readonly modality?: string;
  readonly manufacturer?: string;
  readonly institutionName?: string;
  readonly stationName?: string;
  readonly manufacturerModelName?: string;
  /** Tesla. */
  readonly magneticFieldStrength?: number;
  /** Metres and kilograms, of the patient. */
  readonly patientSize?: number;
  readonly patientWeight?: number;
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
  readonly imageType?: readonly string[];
  /** One for an image; of an object with frames, one for each kind and plane of them. */
  readonly pictures: readonly PictureFacts[];
}

/** What tells pictures of one place apart that lie in one series: echoes, Dixon's pictures, b-values, time. */
export interface PictureKind {
  /** FrameType where the object has frames (PS3.3 C.8.13.3.1), else ImageType; its third and later values. */
  readonly type: readonly string[];
  /** Milliseconds. */
  readonly echoTime?: number;
  readonly echoNumber?: number;
  /** s/mm2 */
  readonly bValue?: number;
  readonly temporalPosition?: number;
  /** Values of the dimensions that are none of place or time, as the object indexes its frames. */
  readonly dimensions?: string;
}

export interface PictureFacts {
  readonly count: number;
  readonly kind: PictureKind;
  readonly orientation?: readonly number[];
  /** Millimetres, and so the next: the larger side of the picture. */
  readonly sliceThickness?: number;
  readonly widthMm?: number;
}

/** An answer with more than this answers another question than the one that was asked. */
export const MOST_MATCHES = 20_000;

/** A study as the source describes it. Dates are ISO. */
export interface StudyMatch {
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly studyDate: string | null;
  readonly studyDescription: string;
  /** Empty when the source does not say. */
  readonly modalities: readonly string[];
}

export interface SeriesMatch {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly seriesDescription: string;
  readonly bodyPartExamined: string;
  readonly seriesDate: string | null;
  /** NumberOfSeriesRelatedInstances; null when the source leaves it empty. */
  readonly instances: number | null;
}

export interface StudyQuery {
  /** '' for anybody's. */
  readonly patientId: string;
  readonly modality: string;
  /** ISO dates. */
  readonly from: string;
  readonly to: string;
}

import type { Designator, RequestedProcedure } from '../dicom/request.js';
import { SOP_CLASSES } from '../dicom/sopClasses.js';
import type { Answer } from '../domain/answers.js';
import type { CtLabel } from '../domain/ctLabels.js';
import type { Level } from '../domain/levels.js';
import type { LocateStatus } from '../domain/locateStatuses.js';
import type { WeighedCt } from '../domain/pairing.js';
import type { ModelIdentity, PixelBox } from '../locate/types.js';

export interface InstanceReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface DocumentReference extends InstanceReference {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/** Values of the MR header, character for character: the PACS files the report under the same patient by them. */
export interface ReportPatient {
  readonly name: string;
  readonly id: string;
  readonly issuerOfPatientId: string;
  /** YYYYMMDD or YYYY-MM-DD; null when the header has none. */
  readonly birthDate: string | null;
  readonly sex: string;
  /** As AS writes it (063Y), of the study; absent when the header has none. */
  readonly age?: string | null;
}

export interface ReportStudy {
  readonly studyInstanceUid: string;
  readonly studyId: string;
  readonly accessionNumber: string;
  /** YYYYMMDD or YYYY-MM-DD; null when the header has none. */
  readonly date: string | null;
  /** HHMMSS.FFFFFF as the header has it; '' when it has none. */
  readonly time: string;
  readonly description: string;
  readonly referringPhysicianName: string;
  /** The order, as the MR's header has it; absent when it has none. */
  readonly request?: RequestedProcedure | null;
  /** As the MR's images have it of their study. */
  readonly issuerOfAccessionNumber?: Designator | null;
}

/** One series that was read, whole. */
export interface ReportSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Date of its study: YYYYMMDD or YYYY-MM-DD; null when the header has none. */
  readonly studyDate: string | null;
  readonly frameOfReferenceUid: string | null;
  /** In stack order. */
  readonly instances: readonly InstanceReference[];
}

/** The row of the pairing table, in words for the report. */
export interface ReportPairing {
  /** 'paired', or why there is no CT (agent/domain/pairing.ts) */
  readonly outcome: string;
  /** CT minus MR, calendar days; null without a pair. */
  readonly intervalDays: number | null;
  readonly windowDays: number;
  /** Every CT series of the patient that was weighed. */
  readonly candidates: readonly WeighedCt[];
}

export interface ReportLocalisation {
  readonly status: LocateStatus;
  readonly reasons: readonly string[];
}

/** Which series of the MR study was read, and why not the others. */
export interface ReportChoice {
  readonly candidates: readonly ReportChoiceCandidate[];
  readonly agreement: {
    readonly agrees: readonly { readonly seriesInstanceUid: string; readonly medianMm: number }[];
  };
}

export interface ReportChoiceCandidate {
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly verdict: 'chosen' | 'passed-over' | 'check-only';
  /** In words, why it was not read. */
  readonly why: string;
}

/** One disc that was found on the MR. */
export interface ReportDisc {
  readonly level: Level;
  /** The MR image the region lies on; a frame number for a multi-frame object. */
  readonly image: InstanceReference & { readonly frameNumber?: number };
  /** Columns and Rows of that image: the drawn region is cut to it. */
  readonly imageSize: readonly [columns: number, rows: number];
  /** Outer edges, pixel centres at whole numbers (agent/locate/types.ts). */
  readonly roiPixel: PixelBox;
  /** The active classifier's answer; null when it has none, which reads as indeterminate. */
  readonly answer: {
    /** 0..1, at ReportParameters.prevalence; the network's own score where that is null. */
    readonly probability: number;
    /** 0..1, likewise. */
    readonly threshold: number;
    readonly answer: Answer;
    /** Why nothing is stated; empty where something is. */
    readonly reasons: readonly string[];
  } | null;
  /** The paired CT's measurement of the same disc. */
  readonly ct: {
    readonly label: CtLabel;
    readonly meanHu: number | null;
    readonly maxHu: number | null;
    readonly areaMm2: number;
  } | null;
}

export interface ReportClassifier extends ModelIdentity {
  /** From the card: whether it learnt from simulated calcification. */
  readonly simulated: boolean;
  /** From the card: who made the images it learnt from; '' when the card says nothing. */
  readonly attribution: string;
}

/** The machine that observes: this installation. */
export interface ReportDevice {
  /** Stable for the installation. */
  readonly uid: string;
  readonly serialNumber: string;
  readonly softwareVersion: string;
  readonly aeTitle: string;
}

/** What a reader needs to repeat the answer, beside the models. */
export interface ReportParameters {
  /** How far the region reaches beyond the disc. */
  readonly marginMm: number;
  /** Percentiles of the slice's grey values that become black and white. */
  readonly greyPercentiles: readonly [low: number, high: number];
  readonly huLow: number;
  readonly huHigh: number;
  /** Share of calcified discs that the certainty is stated for; null where the model is not calibrated. */
  readonly prevalence: number | null;
}

/** Everything the report says, as plain values. The same input gives the same bytes. */
export interface ReportInput {
  readonly caseId: string;
  readonly revision: number;
  /** Why there is another revision; read only when there is a predecessor. */
  readonly revisionReason: string;
  /** The last report of this case that left the house. */
  readonly predecessor: DocumentReference | null;
  /** Reports of the same study by cases that were joined with this one: they are replaced too. */
  readonly alsoReplaced?: readonly DocumentReference[];
  readonly patient: ReportPatient;
  readonly study: ReportStudy;
  readonly mr: ReportSeries;
  readonly ct: ReportSeries | null;
  /** Null for a case of an older version. */
  readonly choice: ReportChoice | null;
  readonly pairing: ReportPairing;
  readonly localisation: ReportLocalisation;
  /** The CT's own localisation; null without a CT. */
  readonly ctLocalisation: ReportLocalisation | null;
  /** From above down. */
  readonly discs: readonly ReportDisc[];
  /** Null when nothing was classified (no disc was found). */
  readonly classifier: ReportClassifier | null;
  readonly localiser: ModelIdentity;
  readonly parameters: ReportParameters;
  readonly device: ReportDevice;
  readonly createdAt: Date;
  /** Content date and time are written as local time; absent: the process's own time zone. */
  readonly utcOffsetMinutes?: number;
  readonly sopClass: keyof typeof SR_SOP_CLASSES;
  readonly seriesDescription: string;
}

/** PS3.4 B.5: the storage classes the same tree is valid in, by the names the configuration uses. */
export const SR_SOP_CLASSES = {
  Comprehensive3DSR: SOP_CLASSES.comprehensive3dSr.uid,
  ComprehensiveSR: SOP_CLASSES.comprehensiveSr.uid,
  EnhancedSR: SOP_CLASSES.enhancedSr.uid,
} as const;

export interface BuiltReport {
  /** A whole DICOM Part 10 file, Explicit VR Little Endian. */
  readonly file: Uint8Array;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
}

import type { Config } from '../../config/schema.js';
import type { CommitmentResult } from '../dicom/commitment.js';
import type { SopClassUse } from '../dicom/sopClasses.js';
import type { OwedCommitment } from './commitmentFiles.js';
import type { Acceptance } from './storeSession.js';
import type { AssociationInfo, EndedAssociation, Refusal, SpooledFile } from './types.js';

/** What the receiver's thread is given when it starts. */
export interface ThreadData {
  readonly dicom: Config['dicom'];
  readonly uses: readonly SopClassUse[] | null;
  readonly spoolDir: string;
  readonly logLevel: Config['log']['level'];
  readonly logFormat: Config['log']['format'];
  readonly acceptance: Acceptance;
}

export type ToThread =
  | { readonly kind: 'acceptance'; readonly acceptance: Acceptance }
  | {
      readonly kind: 'reportCommitment';
      readonly question: number;
      readonly associationId: string;
      readonly result: CommitmentResult;
    }
  | { readonly kind: 'flush'; readonly question: number }
  | { readonly kind: 'close' };

/** What the rest of the agent learns, in the order it happened. */
export type News =
  | { readonly kind: 'opened'; readonly association: AssociationInfo }
  | { readonly kind: 'ended'; readonly ended: EndedAssociation }
  | { readonly kind: 'stored'; readonly file: SpooledFile }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'commitmentRequested'; readonly owed: OwedCommitment }
  | {
      readonly kind: 'commitmentReported';
      readonly result: CommitmentResult;
      readonly reportingAe: string;
    };

export type FromThread =
  | { readonly kind: 'listening'; readonly port: number; readonly acceptance: Acceptance }
  /** A copied error loses its code. */
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'news'; readonly news: readonly News[] }
  /** Whether objects are taken, with the thread's own watch over the disk: told when it changes. */
  | { readonly kind: 'acceptance'; readonly acceptance: Acceptance }
  | { readonly kind: 'answer'; readonly question: number; readonly isTaken: boolean };

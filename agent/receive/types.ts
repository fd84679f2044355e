import type { CommitmentResult } from '../dicom/commitment.js';
import type { OwedCommitment } from './commitmentFiles.js';

/** How an association came to its end. */
export type AssociationEnd = 'released' | 'aborted' | 'timed-out' | 'lost';

export interface EndedAssociation {
  readonly id: string;
  readonly how: AssociationEnd;
  /** By this computer's clock, as `SpooledFile.receivedAt`: the index may learn of both much later. */
  readonly endedAt: Date;
}

export interface AssociationInfo {
  /** A random UUID given when it was accepted. */
  readonly id: string;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly remoteAddress: string;
  readonly openedAt: Date;
}

/** One object that lies synced in the spool: what the C-STORE was answered Success for. */
export interface SpooledFile {
  /** Absolute; a DICOM Part 10 file. */
  readonly path: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly sizeBytes: number;
  readonly callingAe: string;
  readonly associationId: string | null;
  readonly receivedAt: Date;
}

/** What the receiver tells the stage after it. None of these is awaited before the sender gets its answer. */
export interface ReceiveEvents {
  associationOpened(association: AssociationInfo): void;
  associationEnded(ended: EndedAssociation): void;
  stored(file: SpooledFile): void;
  /** A refused association, presentation context or object. */
  refused(refusal: Refusal): void;
  /** Storage commitment was asked for and the request is on disk. */
  commitmentRequested?(owed: OwedCommitment): void;
  /** A PACS, calling under this AE title, says what became of objects we sent it. */
  commitmentReported?(result: CommitmentResult, reportingAe: string): void;
}

export interface Refusal {
  readonly what: 'association' | 'context' | 'object';
  /** Four hexadecimal digits for an object, PS3.8's reason in words for an association or a context. */
  readonly status: string;
  readonly reason: string;
  readonly callingAe: string;
  readonly remoteAddress: string;
  readonly sopInstanceUid?: string;
  /** Of a context or an object. */
  readonly sopClassUid?: string;
}

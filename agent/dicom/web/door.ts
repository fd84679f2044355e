import type { Taken } from './storeResponse.js';

/** Who brings objects by DICOMweb: a program with a token, or a source that was asked for them. */
export interface WebSender {
  /** In the place of an AE title: rules for it (`dicom.remotes`), refusals and the trail go by it. */
  readonly name: string;
  readonly remoteAddress: string;
}

/** Objects that come together: to everything behind the door, an association. */
export interface Visit {
  readonly id: string;
  /**
   * Takes one DICOM file as it comes, by the same rules as C-STORE: stored and synced, or refused and counted.
   * @param studyInstanceUid the only study it may be of; absent: any
   * @throws the body's own error, when it breaks off: nothing of the object stays
   */
  store(body: AsyncIterable<Buffer>, studyInstanceUid?: string): Promise<Taken>;
  /** The last object is dealt with ('released'), or it broke off. */
  end(how: 'released' | 'aborted' | 'timed-out' | 'lost'): void;
}

/** The way into the spool for who speaks no DIMSE (agent/receive/webDoor.ts). */
export interface WebDoor {
  /** Why nothing is taken from this sender now; null when it is. */
  refusal(sender: WebSender): { readonly isForGood: boolean; readonly reason: string } | null;
  open(sender: WebSender): Visit;
}

/** PS3.5 6.2, VR AE: what the file meta information can say of a sender. */
const LONGEST_AE = 16;

/** A name as an AE title can be written. */
export function aeOf(name: string): string {
  return name
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, '_')
    .slice(0, LONGEST_AE)
    .trim();
}

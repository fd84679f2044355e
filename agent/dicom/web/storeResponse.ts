import { STATUSES, type StatusName } from '../statuses.js';

/** What became of one object of a Store transaction (PS3.18 10.5). */
export interface Taken {
  /** '' where it cannot be read. */
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly status: StatusName;
  /** In words; '' for what is stored. */
  readonly reason: string;
}

const [REFERENCED, FAILED, OTHER_FAILURES] = ['00081199', '00081198', '0008119A'] as const;

/** PS3.18 table 10.5.3-1: all stored, some, none. */
export function storeStatus(taken: readonly Taken[]): 200 | 202 | 409 {
  const stored = taken.filter(({ status }) => status === 'success').length;
  if (stored === taken.length) return 200;
  return stored > 0 ? 202 : 409;
}

/**
 * The Store Instances Response Module (PS3.18 table I.1-1) as DICOM JSON (PS3.18 F). No Retrieve URL: nothing is given
 * out again. What has no UID that can be repeated is among the other failures.
 */
export function storeResponse(taken: readonly Taken[]): object {
  const stored = taken.filter(({ status }) => status === 'success');
  const failed = taken.filter(({ status }) => status !== 'success');
  const named = failed.filter(({ sopInstanceUid }) => sopInstanceUid !== '');
  const nameless = failed.filter(({ sopInstanceUid }) => sopInstanceUid === '');
  return {
    ...sequence(REFERENCED, stored.map(reference)),
    ...sequence(
      FAILED,
      named.map((each) => ({ ...reference(each), ...failure(each) })),
    ),
    ...sequence(OTHER_FAILURES, nameless.map(failure)),
  };
}

function sequence(tag: string, items: readonly object[]): object {
  return items.length === 0 ? {} : { [tag]: { vr: 'SQ', Value: items } };
}

function reference({ sopClassUid, sopInstanceUid }: Taken): object {
  return {
    '00081150': { vr: 'UI', Value: [sopClassUid] },
    '00081155': { vr: 'UI', Value: [sopInstanceUid] },
  };
}

function failure({ status }: Taken): object {
  return { '00081197': { vr: 'US', Value: [STATUSES[status].code] } };
}

import { comparePersons, type IdentityDifference, type PatientIdentity } from '../domain/identity.js';
import type { NameDifference } from '../domain/names.js';

/** A calendar date as PostgreSQL and people write it, YYYY-MM-DD. */
export type IsoDate = string;

export interface MrSeries extends PatientIdentity {
  readonly acquisitionDate: IsoDate | null;
}

export interface CtCandidate extends PatientIdentity {
  readonly seriesInstanceUid: string;
  readonly acquisitionDate: IsoDate | null;
  readonly instanceCount: number;
  /** Its study's images name different patients: whose it is cannot be said. */
  readonly isContradictory: boolean;
  /** What a person said about whose it is; null when nobody did. */
  readonly decided: 'same' | 'different' | 'released' | null;
  readonly sliceSpacingMm: number | null;
  /** Still arriving, or being read: worth waiting for when it would be in the window. */
  readonly receiving: boolean;
  /** Its files cannot be decoded: passed over. */
  readonly isUnreadable: boolean;
}

/** What became of one CT that was weighed. */
export type Verdict =
  | 'chosen'
  | 'in-window'
  | 'outside-window'
  | 'no-date'
  | 'identity-differs'
  | 'receiving'
  | 'unreadable';

export interface Weighed {
  readonly ctSeriesInstanceUid: string;
  readonly ctAcquisitionDate: IsoDate | null;
  readonly intervalDays: number | null;
  readonly verdict: Verdict;
  readonly identity: WeighedIdentity;
}

/** How the CT's patient compares with the MR's, in words without names. */
export interface WeighedIdentity {
  readonly differs: readonly (IdentityDifference | 'names several patients')[];
  readonly nameDiffers: readonly NameDifference[];
  readonly decided: CtCandidate['decided'];
}

export type PairingOutcome =
  | 'paired'
  | 'no-ct'
  | 'outside-window'
  | 'no-date'
  | 'no-patient-id'
  | 'identity-differs'
  | 'unreadable';

export type PairingDecision =
  | { readonly wait: true; readonly forSeriesInstanceUid: string }
  | {
      readonly wait: false;
      readonly outcome: PairingOutcome;
      readonly ctSeriesInstanceUid: string | null;
      readonly ctAcquisitionDate: IsoDate | null;
      /** CT minus MR. */
      readonly intervalDays: number | null;
      readonly candidates: readonly Weighed[];
    };

const DAY_MS = 86_400_000;

/** Calendar days from a to b, by date alone: no hours, no time zone, no daylight saving. */
export function calendarDays(from: IsoDate, to: IsoDate): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/**
 * Chooses the CT of an MR: of the same patient, acquired within the window either way; the nearest in time, then the
 * finer slices, then the more slices, then by UID so that the answer never depends on the order of arrival.
 */
export function decidePairing(
  mr: MrSeries,
  candidates: readonly CtCandidate[],
  windowDays: number,
): PairingDecision {
  const none = {
    wait: false,
    ctSeriesInstanceUid: null,
    ctAcquisitionDate: null,
    intervalDays: null,
  } as const;
  if (mr.patientId === '') return { ...none, outcome: 'no-patient-id', candidates: [] };
  if (mr.acquisitionDate === null) return { ...none, outcome: 'no-date', candidates: [] };
  const weighed = candidates.map((ct) => ({
    ct,
    ...weigh(mr, mr.acquisitionDate as IsoDate, ct, windowDays),
  }));
  const arriving = weighed.find(({ verdict }) => verdict === 'receiving');
  if (arriving) return { wait: true, forSeriesInstanceUid: arriving.ct.seriesInstanceUid };
  const best = weighed.filter(({ verdict }) => verdict === 'in-window').toSorted(preference)[0];
  const rows = weighed.map((each) => toRow(each, each === best));
  if (!best) return { ...none, outcome: outcomeWithout(rows), candidates: rows };
  return {
    wait: false,
    outcome: 'paired',
    ctSeriesInstanceUid: best.ct.seriesInstanceUid,
    ctAcquisitionDate: best.ct.acquisitionDate,
    intervalDays: best.intervalDays,
    candidates: rows,
  };
}

interface WeighedCandidate {
  readonly ct: CtCandidate;
  readonly intervalDays: number | null;
  readonly verdict: Verdict;
  readonly identity: WeighedIdentity;
}

function weigh(
  mr: MrSeries,
  mrDate: IsoDate,
  ct: CtCandidate,
  windowDays: number,
): Omit<WeighedCandidate, 'ct'> {
  const identity = weighIdentity(mr, ct);
  if (!isOfPatient(identity)) return { intervalDays: null, verdict: 'identity-differs', identity };
  if (ct.acquisitionDate === null) return { intervalDays: null, verdict: 'no-date', identity };
  const intervalDays = calendarDays(mrDate, ct.acquisitionDate);
  if (Math.abs(intervalDays) > windowDays) return { intervalDays, verdict: 'outside-window', identity };
  if (ct.isUnreadable) return { intervalDays, verdict: 'unreadable', identity };
  return { intervalDays, verdict: ct.receiving ? 'receiving' : 'in-window', identity };
}

function weighIdentity(mr: MrSeries, ct: CtCandidate): WeighedIdentity {
  const { differs, nameDiffers } = comparePersons(mr, ct);
  const contradictory = ct.isContradictory ? (['names several patients'] as const) : [];
  return { differs: [...contradictory, ...differs], nameDiffers, decided: ct.decided };
}

/** A person's word counts for more than what the headers say. */
function isOfPatient({ differs, decided }: WeighedIdentity): boolean {
  if (decided === 'same' || decided === 'different') return decided === 'same';
  return differs.length === 0;
}

function preference(a: WeighedCandidate, b: WeighedCandidate): number {
  return (
    Math.abs(a.intervalDays ?? 0) - Math.abs(b.intervalDays ?? 0) ||
    (a.ct.sliceSpacingMm ?? Number.POSITIVE_INFINITY) - (b.ct.sliceSpacingMm ?? Number.POSITIVE_INFINITY) ||
    b.ct.instanceCount - a.ct.instanceCount ||
    (a.ct.seriesInstanceUid < b.ct.seriesInstanceUid ? -1 : 1)
  );
}

function toRow({ ct, intervalDays, verdict, identity }: WeighedCandidate, chosen: boolean): Weighed {
  return {
    ctSeriesInstanceUid: ct.seriesInstanceUid,
    ctAcquisitionDate: ct.acquisitionDate,
    intervalDays,
    verdict: chosen ? 'chosen' : verdict,
    identity,
  };
}

/** Why there is no CT, the most telling reason first. */
function outcomeWithout(rows: readonly Weighed[]): PairingOutcome {
  const has = (verdict: Verdict) => rows.some((row) => row.verdict === verdict);
  if (has('identity-differs')) return 'identity-differs';
  if (has('unreadable')) return 'unreadable';
  if (has('outside-window')) return 'outside-window';
  return has('no-date') ? 'no-date' : 'no-ct';
}

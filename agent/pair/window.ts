import type { CtReading } from '../domain/ctReading.js';
import { comparePersons, type PatientIdentity } from '../domain/identity.js';
import type { CtVerdict, PairingOutcome, WeighedCt, WeighedIdentity } from '../domain/pairing.js';
import { ctInWords, inOrderOfService, type ReadCt, whyNotServing, whyPassedOver } from './serves.js';

/** A calendar date as PostgreSQL and people write it, YYYY-MM-DD. */
export type IsoDate = string;

export interface MrSeries extends PatientIdentity {
  readonly acquisitionDate: IsoDate | null;
}

export interface CtCandidate extends PatientIdentity {
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly acquisitionDate: IsoDate | null;
  readonly instanceCount: number;
  /** Its study's images name different patients: whose it is cannot be said. */
  readonly isContradictory: boolean;
  /** What a person said about whose it is; null when nobody did. */
  readonly decided: WeighedIdentity['decided'];
  /** Still arriving: worth waiting for when it would be in the window. */
  readonly receiving: boolean;
  /** Null until it has been located and measured: worth waiting for too. */
  readonly reading: CtReading | null;
}

export type PairingDecision =
  | { readonly wait: true; readonly forSeriesInstanceUid: string }
  | {
      readonly wait: false;
      readonly outcome: PairingOutcome;
      readonly ctSeriesInstanceUid: string | null;
      readonly ctAcquisitionDate: IsoDate | null;
      /** CT minus MR. */
      readonly intervalDays: number | null;
      readonly candidates: readonly WeighedCt[];
    };

const DAY_MS = 86_400_000;

/** Calendar days from a to b, by date alone: no hours, no time zone, no daylight saving. */
export function calendarDays(from: IsoDate, to: IsoDate): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/**
 * Chooses the CT of an MR: of the same patient, acquired within the window either way, the one that serves best by what
 * was found in it (serves.ts). One that does not serve is passed over, and the answer never depends on the order of
 * arrival.
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
  const mrDate = mr.acquisitionDate;
  const weighed = candidates.map((ct) => ({ ct, ...weigh(mr, mrDate, ct, windowDays) }));
  const arriving = weighed.find(({ verdict }) => verdict === 'receiving');
  if (arriving) return { wait: true, forSeriesInstanceUid: arriving.ct.seriesInstanceUid };
  const serving = inOrderOfService(weighed.flatMap(({ serves }) => serves ?? []));
  const best = serving[0] ?? null;
  const rows = weighed.map((each) => toRow(each, best));
  if (best === null) return { ...none, outcome: outcomeWithout(rows), candidates: rows };
  return {
    wait: false,
    outcome: 'paired',
    ctSeriesInstanceUid: best.seriesInstanceUid,
    ctAcquisitionDate: best.acquisitionDate,
    intervalDays: best.intervalDays,
    candidates: rows,
  };
}

type ServingCt = ReadCt & Pick<CtCandidate, 'acquisitionDate'>;

interface Weighing {
  readonly intervalDays: number | null;
  readonly verdict: CtVerdict;
  readonly why: string;
  readonly identity: WeighedIdentity;
  /** One that can be chosen. */
  readonly serves: ServingCt | null;
}

function weigh(mr: MrSeries, mrDate: IsoDate, ct: CtCandidate, windowDays: number): Weighing {
  const identity = weighIdentity(mr, ct);
  const not = (verdict: CtVerdict, why: string, intervalDays: number | null = null) => {
    return { intervalDays, verdict, why, identity, serves: null };
  };
  if (!isOfPatient(identity)) return not('identity-differs', 'its identifiers name another person');
  if (ct.acquisitionDate === null) return not('no-date', 'it has no acquisition date');
  const intervalDays = calendarDays(mrDate, ct.acquisitionDate);
  if (Math.abs(intervalDays) > windowDays)
    return not('outside-window', `it lies ${Math.abs(intervalDays)} days from the MR`, intervalDays);
  const { reading } = ct;
  if (ct.receiving || reading === null) return not('receiving', 'it is arriving', intervalDays);
  const why = whyNotServing(reading);
  const verdict = reading.status === 'unreadable' ? 'unreadable' : 'does-not-serve';
  if (why !== null) return not(verdict, why, intervalDays);
  const serves = { ...ct, intervalDays, reading };
  return { intervalDays, verdict: 'passed-over', why: '', identity, serves };
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

function toRow(
  { ct, intervalDays, verdict, why, identity, serves }: Weighing & { readonly ct: CtCandidate },
  best: ServingCt | null,
): WeighedCt {
  const { seriesNumber, seriesDescription } = ct;
  const isBest = serves !== null && serves === best;
  return {
    ctSeriesInstanceUid: ct.seriesInstanceUid,
    ctAcquisitionDate: ct.acquisitionDate,
    intervalDays,
    identity,
    verdict: isBest ? 'chosen' : verdict,
    seriesNumber,
    seriesDescription,
    what: ct.reading === null ? '' : ctInWords(ct.reading),
    why: serves !== null && best !== null && !isBest ? whyPassedOver(best, serves) : why,
  };
}

/** Why there is no CT, the most telling reason first. */
function outcomeWithout(rows: readonly WeighedCt[]): PairingOutcome {
  const has = (verdict: CtVerdict) => rows.some((row) => row.verdict === verdict);
  if (has('does-not-serve')) return 'none-serves';
  if (has('identity-differs')) return 'identity-differs';
  if (has('unreadable')) return 'unreadable';
  if (has('outside-window')) return 'outside-window';
  return has('no-date') ? 'no-date' : 'no-ct';
}

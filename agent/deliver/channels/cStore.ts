import type { DimseDestination } from '../../../config/destinations.js';
import { peerOf } from '../../dicom/dimse/peer.js';
import { isStoreWarning, STATUSES } from '../../dicom/statuses.js';
import { asCalcidiscError, CalcidiscError } from '../../domain/errors.js';
import { sopClassOf } from '../../report/forms.js';
import type { Channel, Outcome } from '../channel.js';
import { type StoreResult, storeFiles } from '../scu.js';
import { wasWaitedFor } from '../throttle.js';

/** C-STORE over DIMSE (PS3.4 annex B): all forms of a result over one association. */
export const cStore: Channel<DimseDestination> = {
  async send(items, destination, { config, signal, toFollow = [] }) {
    const outcomes = await storeOnce();
    return outcomes.map((outcome) =>
      outcome.kind === 'failed' && signal?.aborted ? { kind: 'interrupted', error: outcome.error } : outcome,
    );

    async function storeOnce(): Promise<readonly Outcome[]> {
      try {
        const peer = { ...peerOf(destination, config), ...(signal ? { signal } : {}) };
        const { name, host, port, aeTitle } = destination;
        const key = [name, host, port, aeTitle, config.dicom.aeTitle].join(' ');
        const shared = {
          key,
          isWaitedFor: () => toFollow.length > 0 || wasWaitedFor(name),
          toFollow: toFollow.map(sopClassOf),
        };
        const results = await storeFiles({ ...peer, shared, files: items.map(({ bytes }) => bytes) });
        return results.map(outcomeOf);
      } catch (thrown) {
        const error = asCalcidiscError(thrown);
        return items.map(() => ({ kind: 'failed', answer: null, error }));
      }
    }
  },
  describe: ({ aeTitle }, { config }) => ({ calledAe: aeTitle, callingAe: config.dicom.aeTitle }),
};

/** Stored on 0000 and on a B0xx warning; 0111 says that an object of that UID is there (PS3.7 annex C). */
export function outcomeOf({ status, error }: Pick<StoreResult, 'status' | 'error'>): Outcome {
  const code = status === null ? Number.NaN : Number.parseInt(status, 16);
  const isWarning = isStoreWarning(code);
  if (status !== null && (code === STATUSES.success.code || isWarning))
    return { kind: 'stored', answer: status, isWarning };
  if (status !== null && code === STATUSES.duplicateSopInstance.code)
    return { kind: 'there-already', answer: status, error: error ?? unexpected(status) };
  return { kind: 'failed', answer: status, error: error ?? unexpected(status) };
}

/** A status that is neither failure nor a word for "stored" (pending, cancelled) has no place in C-STORE. */
function unexpected(status: string | null): CalcidiscError {
  return new CalcidiscError('DESTINATION_REFUSED', `answered C-STORE with ${status ?? 'no status'}`);
}

import type { OutgoingAssociation } from '../dicom/dimse/outgoing.js';

/** So long an association stays open for the next case that waits for the destination. */
const IDLE_MS = 2_000;

/** Open and idle, by destination; of this process. */
const kept = new Map<string, { readonly association: OutgoingAssociation; readonly timer: NodeJS.Timeout }>();

/** An open association that has a context for each of these SOP classes; it is the caller's from then on. */
export async function takeKept(
  key: string,
  sopClassUids: readonly string[],
): Promise<OutgoingAssociation | null> {
  const found = kept.get(key);
  if (!found) return null;
  kept.delete(key);
  clearTimeout(found.timer);
  const { association } = found;
  if (association.isOpen && sopClassUids.every((uid) => association.contextFor(uid) !== null))
    return association;
  // Waited for: a peer of one association would refuse the next one.
  await association.release();
  return null;
}

/** Kept open for a moment; one is enough, as whoever waits comes one after the other. */
export async function keep(key: string, association: OutgoingAssociation): Promise<void> {
  if (!association.isOpen || kept.has(key)) return association.release();
  const timer = setTimeout(() => {
    kept.delete(key);
    void association.release();
  }, IDLE_MS);
  kept.set(key, { association, timer });
}

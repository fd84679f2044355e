/**
 * The states of a case say what has been done; `next` is where the one unit of work that is due may take it.
 * A later image or a later CT sends any case back to `received` with the next revision; a destination that says
 * it does not keep the report (storage commitment) sends a delivered one back to `reported`. A closed one has nothing
 * to report: its study shows no lumbar spine, another case of the study goes on in its place, or a person has withdrawn it.
 */
export const CASE_STATES = {
  received: { next: ['paired', 'parked', 'closed'], work: 'pair', by: 'agent' },
  paired: { next: ['located', 'parked', 'received'], work: 'locate', by: 'agent' },
  located: { next: ['classified', 'parked', 'received'], work: 'classify', by: 'worker' },
  classified: { next: ['reported', 'parked', 'received'], work: 'report', by: 'agent' },
  reported: { next: ['delivered', 'parked', 'received', 'closed'], work: 'deliver', by: 'agent' },
  delivered: { next: ['received', 'reported', 'closed'], work: null, by: null },
  closed: { next: ['received'], work: null, by: null },
  parked: {
    next: ['received', 'paired', 'located', 'classified', 'reported', 'closed'],
    work: null,
    by: null,
  },
} as const satisfies Record<
  string,
  { next: readonly string[]; work: string | null; by: 'agent' | 'worker' | null }
>;

export type CaseState = keyof typeof CASE_STATES;

export function mayMove(from: CaseState, to: CaseState): boolean {
  return (CASE_STATES[from].next as readonly string[]).includes(to);
}

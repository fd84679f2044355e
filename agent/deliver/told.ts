import type { Urgency } from '../../config/destinations.js';
import type { ReportInput } from '../report/types.js';

/** What a message tells. */
export interface Told {
  readonly input: ReportInput;
  readonly urgency: Urgency;
  /** The report that this one amends, where it is known. */
  readonly previous: ReportInput | null;
  /** Set when the result is taken back: why, in words. */
  readonly withdrawn: string | null;
}

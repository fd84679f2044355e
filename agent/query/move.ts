import { CMoveRequest, type CMoveResponse } from '../dicom/dimse/library.js';
import type { OutgoingAssociation } from '../dicom/dimse/outgoing.js';
import { statusText } from '../dicom/statuses.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import type { SeriesMatch } from './matches.js';
import { type DimseSource, refuseFailure } from './source.js';

export interface MoveResult {
  readonly completed: number;
  readonly failures: number;
  /** The last answer's, four hexadecimal digits; null when there was none. */
  readonly status: string | null;
  /** Why the series is not wholly here. */
  readonly error: CalcidiscError | null;
}

/** C-MOVE of one series; whatever comes of it is a value. */
export async function moveSeries(
  association: OutgoingAssociation,
  source: DimseSource,
  destinationAe: string,
  { studyInstanceUid, seriesInstanceUid }: Pick<SeriesMatch, 'studyInstanceUid' | 'seriesInstanceUid'>,
): Promise<MoveResult> {
  let completed: number | null = null;
  let failures = 0;
  let status: string | null = null;
  // PS3.4 C.4.2.1.6: the last response may leave the numbers out; then those before it stand.
  const count = (response: CMoveResponse) => {
    const said = numberOf(response.getCompleted());
    if (said !== null) completed = said + (numberOf(response.getWarnings()) ?? 0);
    failures = numberOf(response.getFailures()) ?? failures;
  };
  try {
    const request = CMoveRequest.createSeriesMoveRequest(destinationAe, studyInstanceUid, seriesInstanceUid);
    const last = await association.perform(request, (response) => count(response as CMoveResponse));
    status = statusText(last.getStatus());
    count(last as CMoveResponse);
    refuseFailure('C-MOVE', source, last.getStatus(), last.getErrorComment() ?? '');
    if (failures > 0)
      throw new CalcidiscError('DESTINATION_BUSY', `${source.name} could not send ${failures} images`);
    if (completed === 0)
      throw new CalcidiscError('DESTINATION_BUSY', `${source.name} sent nothing of a series that it has`);
    return { completed: completed ?? 0, failures, status, error: null };
  } catch (error) {
    return { completed: completed ?? 0, failures, status, error: asCalcidiscError(error) };
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}

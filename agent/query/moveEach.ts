import type { WebDoor } from '../dicom/web/door.js';
import { CalcidiscError } from '../domain/errors.js';
import { retrieveSeries } from './dicomWeb.js';
import type { SeriesMatch } from './matches.js';
import { type MoveResult, moveSeries } from './move.js';
import { MOVE, type QueryConfig, type Source, withSource } from './source.js';

type Wanted = Pick<SeriesMatch, 'studyInstanceUid' | 'seriesInstanceUid'>;

export interface MoveContext {
  readonly config: QueryConfig;
  readonly signal: AbortSignal;
  /** Where what comes by DICOMweb goes in; absent: such a source can send nothing. */
  readonly door?: WebDoor;
}

/**
 * One series after the other: by C-MOVE over one association, or by WADO-RS. A series that fails does not stop the next.
 * @param keep writes down what came of a series; the error it gives back is thrown once all have been asked for
 * @throws CalcidiscError the first that `keep` gave back, or what kept the association from being
 */
export async function moveEach<S extends Wanted>(
  { config, signal, door }: MoveContext,
  source: Source,
  wanted: readonly S[],
  keep: (series: S, result: MoveResult) => Promise<CalcidiscError | null>,
): Promise<void> {
  const timeoutMs = config.query.priors.moveTimeoutMs;
  let failed: CalcidiscError | null = null;
  const each = async (move: (series: S) => Promise<MoveResult>) => {
    for (const series of wanted) {
      const error = await keep(series, await move(series));
      failed ??= error;
    }
  };
  if (source.channel === 'dicomweb') {
    if (!door) throw new CalcidiscError('DESTINATION_REFUSED', 'this process takes no objects');
    await each((series) => retrieveSeries(source, series, { door, timeoutMs, signal }));
  } else {
    const destination = source.moveDestination ?? config.dicom.aeTitle;
    await withSource(MOVE, { source, config, timeoutMs, signal }, (association) =>
      each((series) => moveSeries(association, source, destination, series)),
    );
  }
  if (failed) throw failed;
}

import type { CalcidiscError } from '../domain/errors.js';
import type { SeriesMatch } from './find.js';
import { type MoveResult, moveSeries } from './move.js';
import { MOVE, type QueryConfig, type Source, withSource } from './source.js';

type Wanted = Pick<SeriesMatch, 'studyInstanceUid' | 'seriesInstanceUid'>;

/**
 * C-MOVE of one series after the other over one association: a series that fails does not stop the next.
 * @param keep writes down what came of a series; the error it gives back is thrown once all have been asked for
 * @throws CalcidiscError the first that `keep` gave back, or what kept the association from being
 */
export async function moveEach<S extends Wanted>(
  { config, signal }: { readonly config: QueryConfig; readonly signal: AbortSignal },
  source: Source,
  wanted: readonly S[],
  keep: (series: S, result: MoveResult) => Promise<CalcidiscError | null>,
): Promise<void> {
  const destination = source.moveDestination ?? config.dicom.aeTitle;
  const timeoutMs = config.query.priors.moveTimeoutMs;
  let failed: CalcidiscError | null = null;
  await withSource(MOVE, { source, config, timeoutMs, signal }, async (association) => {
    for (const series of wanted) {
      const error = await keep(series, await moveSeries(association, source, destination, series));
      failed ??= error;
    }
  });
  if (failed) throw failed;
}

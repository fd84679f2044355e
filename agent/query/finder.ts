import { qidoFinder } from './dicomWeb.js';
import { countImages, findSeriesOf, findStudies } from './find.js';
import { FIND, type Finder, type SourceOptions, withSource } from './source.js';

/**
 * A source to ask, for as long as the work takes: over one association, or over HTTP.
 * @throws CalcidiscError DESTINATION_UNREACHABLE, DESTINATION_BUSY or DESTINATION_REFUSED (no such service, too)
 */
export function withFinder<T>(
  { source, timeoutMs, signal, ...rest }: SourceOptions,
  work: (finder: Finder) => Promise<T>,
): Promise<T> {
  if (source.channel === 'dicomweb') return work(qidoFinder(source, timeoutMs, signal));
  return withSource(FIND, { source, timeoutMs, signal, ...rest }, (association) =>
    work({
      findStudies: (query) => findStudies(association, source, query),
      findSeriesOf: (study, only) => findSeriesOf(association, source, study, only),
      countImages: (study, series) => countImages(association, source, study, series),
    }),
  );
}

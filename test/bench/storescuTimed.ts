import { storescu } from '../support/dcmtk.js';

/** Sends all slices, shared out among so many storescu at once; @returns seconds from the first start to the last end */
export async function storescuTimed(
  port: number,
  slices: readonly string[],
  associations: number,
  isNagleOn: boolean,
): Promise<number> {
  const shares = Array.from({ length: associations }, (_, sender) =>
    slices.filter((_, index) => index % associations === sender),
  );
  const begin = performance.now();
  const results = await Promise.all(shares.map((paths) => storescu({ port, paths, isNagleOn })));
  const seconds = (performance.now() - begin) / 1000;
  const failed = results.find((each) => each.exitCode !== 0);
  if (failed) throw new Error(`storescu: ${failed.output}`);
  return seconds;
}

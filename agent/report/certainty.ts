/**
 * A probability that is right where the share `from` is calcified, as it is where the share is `to` (Bayes: the odds change
 * by the ratio of the prior odds). Training sets hold many more calcified discs than a worklist does.
 * @param probability, from, to 0..1; from and to neither 0 nor 1
 */
export function atPrevalence(probability: number, from: number, to: number): number {
  const ratio = to / (1 - to) / (from / (1 - from));
  const calcified = probability * ratio;
  return calcified / (calcified + 1 - probability);
}

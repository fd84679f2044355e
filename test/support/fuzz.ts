import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { projectRoot } from '../../config/root.js';

/** Where counterexamples are kept: committed, and run before anything new on every run. */
export const SEEDS_FILE = 'test/fixtures/fuzz-seeds.json';

/** One input that failed once, or that walks a path worth walking every time. */
export interface KeptSeed {
  /** The property it belongs to. */
  readonly property: string;
  readonly why: string;
  /** The property's arguments. */
  readonly input: readonly unknown[];
  /** What fast-check needs to make it again while the property's generators are as they were. */
  readonly seed?: number;
  readonly path?: string;
}

export function readSeeds(): readonly KeptSeed[] {
  return JSON.parse(readFileSync(join(projectRoot, SEEDS_FILE), 'utf8'));
}

export interface FuzzOptions {
  readonly numRuns?: number;
  /** A property that has not ended by then hangs, which is a failure. */
  readonly hangsAfterMs?: number;
}

/**
 * Runs a property on every kept input first, then on new ones (FUZZ_RUNS of them, when that is set).
 * @throws Error with the line to add to the file, when an input fails that is not in it
 */
export async function fuzz<Args extends [unknown, ...unknown[]]>(
  name: string,
  property: fc.IAsyncPropertyWithHooks<Args>,
  { numRuns = 150, hangsAfterMs = 30_000 }: FuzzOptions = {},
  seeds: readonly KeptSeed[] = readSeeds(),
): Promise<void> {
  const kept = seeds.filter((each) => each.property === name);
  const examples = kept.map(({ input }) => input as Args);
  const runs = examples.length + Number(process.env.FUZZ_RUNS ?? numRuns);
  const found = await fc.check(property, { examples, numRuns: runs, timeout: hangsAfterMs });
  if (!found.failed) return;
  const input = found.counterexample ?? [];
  const known = kept.find((each) => JSON.stringify(each.input) === JSON.stringify(input));
  if (known) throw new Error(`${name}: fails again: ${known.why}`, { cause: found.errorInstance });
  const line = JSON.stringify({
    property: name,
    why: 'TODO: what it did',
    input,
    seed: found.seed,
    path: found.counterexamplePath,
  });
  throw new Error(`${name}: mend it, and add this line to ${SEEDS_FILE}:\n${line}`, {
    cause: found.errorInstance,
  });
}

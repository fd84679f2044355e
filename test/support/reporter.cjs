// Mocha's spec reporter on the screen, which files took longest, and the counts and failures in the file that
// MOCHA_REPORT names: CI reads those.
const { writeFileSync } = require('node:fs');
const { relative } = require('node:path');
const Mocha = require('mocha');

const { EVENT_RUN_END, EVENT_TEST_END, EVENT_HOOK_END } = Mocha.Runner.constants;
const LONGEST = 12;

module.exports = class SpecAndCounts extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.MOCHA_REPORT;
    if (!file) return;
    const milliseconds = new Map();
    const add = ({ file: of, duration = 0 }) => milliseconds.set(of, (milliseconds.get(of) ?? 0) + duration);
    runner.on(EVENT_TEST_END, add);
    runner.on(EVENT_HOOK_END, add);
    runner.once(EVENT_RUN_END, () => {
      const failed = this.failures.map((test) => ({
        title: test.fullTitle(),
        file: test.file ? relative(process.cwd(), test.file) : undefined,
        error: test.err?.stack ?? String(test.err),
      }));
      writeFileSync(file, JSON.stringify({ ...this.stats, failed }));
      const longest = [...milliseconds].sort(([, a], [, b]) => b - a).slice(0, LONGEST);
      console.log(`\n  the longest of ${milliseconds.size} files:`);
      for (const [of, each] of longest)
        console.log(
          `  ${(each / 1000).toFixed(0).padStart(5)} s  ${of ? relative(process.cwd(), of) : 'hooks of all'}`,
        );
    });
  }
};

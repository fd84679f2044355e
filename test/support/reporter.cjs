// Mocha's spec reporter on the screen, and its counts in the file that MOCHA_REPORT names: CI reads those.
const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class SpecAndCounts extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.MOCHA_REPORT;
    if (file)
      runner.once(Mocha.Runner.constants.EVENT_RUN_END, () =>
        writeFileSync(file, JSON.stringify(this.stats)),
      );
  }
};

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { chiSquared, independentT } from '../../../models/evaluation/comparisons.js';
import { bootstrapInterval } from '../../../models/statistics/bootstrap.js';
import { calibrationOf } from '../../../models/statistics/calibration.js';
import { performanceOf, type Share } from '../../../models/statistics/confusion.js';
import { delongAuc, delongTest } from '../../../models/statistics/delong.js';
import { fitLogistic } from '../../../models/statistics/logistic.js';
import { matchOneToOne } from '../../../models/statistics/matching.js';
import { areaUnder, rocCurve, type Scored, youdenPoint } from '../../../models/statistics/roc.js';
import { shapiroWilk } from '../../../models/statistics/shapiroWilk.js';
import {
  chiSquaredTail,
  normalCdf,
  normalQuantile,
  studentTwoSided,
} from '../../../models/statistics/special.js';

/** SciPy's and scikit-learn's answers; test/fixtures/make_stats.py wrote them. */
const reference = JSON.parse(readFileSync(join(projectRoot, 'test/fixtures/stats.json'), 'utf8'));

/** Relative to the value where that is above 1, so that a p of 1e-9 is held to more than "nearly nothing". */
function near(actual: number | null | undefined, expected: number, tolerance = 1e-6, what = ''): void {
  assert.ok(actual !== null && actual !== undefined, `${what}: nothing where ${expected} was expected`);
  const allowed = tolerance * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= allowed, `${what} ${actual} is not ${expected}`);
}

describe('statistics, against SciPy and scikit-learn', () => {
  it('distribution functions, relative to their own size', () => {
    const functions: Record<string, (...args: number[]) => number> = {
      normalCdf,
      normalQuantile,
      studentTwoSided,
      chiSquaredTail,
    } as never;
    for (const [name, compute] of Object.entries(functions))
      for (const row of reference.special[name] as number[][]) {
        const expected = row.at(-1)!;
        const actual = compute(...row.slice(0, -1));
        near(actual / (expected || 1), expected === 0 ? 0 : 1, 1e-9, `${name}(${row.slice(0, -1)})`);
      }
  });

  it('Shapiro-Wilk from 3 values to 300, ties and skew', () => {
    for (const { values, w, p } of reference.shapiro) {
      const test = shapiroWilk(values);
      near(test?.w, w, 1e-6, `W of ${values.length}`);
      near(test?.p, p, 1e-6, `p of ${values.length}`);
    }
    assert.equal(shapiroWilk([1, 2]), null);
    assert.equal(shapiroWilk([4, 4, 4, 4]), null);
  });

  it("independent t, Student's and Welch's", () => {
    for (const { a, b, t, p, welchT, welchP } of reference.tTests) {
      const [student, welch] = [independentT(a, b), independentT(a, b, { welch: true })];
      near(student.t, t);
      near(student.p, p);
      near(welch.t, welchT);
      near(welch.p, welchP);
    }
  });

  it("chi-squared, with and without Yates' correction", () => {
    for (const { table, statistic, p, df, smallest, yatesStatistic, yatesP } of reference.chiSquared) {
      const [plain, yates] = [chiSquared(table), chiSquared(table, { yates: true })];
      near(plain?.statistic, statistic);
      near(plain?.p, p);
      near(plain?.smallestExpected, smallest);
      assert.equal(plain?.degreesOfFreedom, df);
      near(yates?.statistic, yatesStatistic);
      near(yates?.p, yatesP);
    }
    assert.equal(
      chiSquared([
        [0, 0],
        [3, 4],
      ]),
      null,
    );
  });

  it('propensity scores, the matched pairs and the standardised differences', () => {
    for (const { rows, isCase, coefficients, propensity, pairs, before, after } of reference.matching) {
      const fit = fitLogistic(rows, isCase);
      coefficients.forEach((c: number, i: number) => {
        near(fit.coefficients[i], c, 1e-6, 'coefficient');
      });
      const matching = matchOneToOne(
        rows.map((covariates: number[], i: number) => ({ covariates, isCase: isCase[i] })),
      );
      propensity.forEach((p: number, i: number) => {
        near(matching.propensity[i], p, 1e-6, 'propensity');
      });
      assert.deepEqual(matching.pairs, pairs);
      matching.differences.forEach((difference, i) => {
        near(difference.before, before[i]);
        near(difference.after, after[i]);
      });
    }
  });

  it('says so when outcomes are separated and the regression has no answer', () => {
    assert.equal(fitLogistic([[1], [2], [3], [4]], [false, false, true, true]).converged, false);
    assert.equal(
      fitLogistic(
        [
          [1, 2],
          [2, 4],
          [3, 6],
          [5, 10],
        ],
        [false, true, false, true],
      ).converged,
      false,
    );
  });

  for (const [n, row] of reference.roc.entries()) {
    const scoredBy = (scores: readonly number[]): Scored[] =>
      scores.map((score, i) => ({ score, label: row.labels[i] }));

    describe(`ROC of set ${n + 1} (${row.labels.length} regions)`, () => {
      const scored = scoredBy(row.a);
      const points = rocCurve(scored)!;

      it('the curve and the area under it', () => {
        assert.equal(points.length, row.fpr.length);
        points.forEach(({ falsePositiveRate, truePositiveRate }, i) => {
          near(falsePositiveRate, row.fpr[i]);
          near(truePositiveRate, row.tpr[i]);
        });
        near(areaUnder(points), row.auc);
      });

      it("DeLong's interval and the comparison of two models", () => {
        const { auc, standardError, interval } = delongAuc(scored)!;
        near(auc, row.auc);
        near(standardError, row.delong.se);
        near(interval.low, row.delong.low);
        near(interval.high, row.delong.high);
        const test = delongTest(scored, scoredBy(row.b))!;
        near(test.difference, row.delong.difference);
        near(test.z, row.delong.z);
        near(test.p, row.delong.p);
      });

      it('the bootstrap by patient', () => {
        const items = scored.map((each, i) => ({ ...each, group: row.groups[i] as string }));
        const interval = bootstrapInterval(
          items,
          ({ group }) => group,
          (sample) => {
            const curve = rocCurve(sample);
            return curve && areaUnder(curve);
          },
          { rounds: 200, seed: 7 },
        );
        near(interval?.low, row.bootstrap[0]);
        near(interval?.high, row.bootstrap[1]);
      });

      it("Youden's threshold and what follows from it", () => {
        const { threshold } = youdenPoint(points);
        near(threshold, row.youden.threshold);
        const got = performanceOf(
          scored.map(({ label, score }) => ({ label, calledPositive: score >= threshold })),
        );
        assert.deepEqual(
          [got.truePositive, got.falsePositive, got.falseNegative, got.trueNegative],
          [row.youden.tp, row.youden.fp, row.youden.fn, row.youden.tn],
        );
        near(got.f1, row.youden.f1);
        for (const name of ['sensitivity', 'specificity', 'accuracy'] as const) {
          const { value, low, high } = got[name] as Share;
          [value, low, high].forEach((number, i) => {
            near(number, row.youden[name][i], 1e-6, name);
          });
        }
      });

      it('calibration', () => {
        const { brier, slope, intercept, bins } = calibrationOf(scored);
        near(brier, row.brier);
        assert.equal(
          bins.reduce((sum, { count }) => sum + count, 0),
          scored.length,
        );
        if (row.calibration === null) return assert.equal(slope, null);
        near(intercept, row.calibration[0]);
        near(slope, row.calibration[1]);
      });
    });
  }

  it('gives no curve where one class is missing, and no interval where most draws have none', () => {
    const same = [1, 2, 3].map((score) => ({ label: true, score }));
    assert.equal(rocCurve(same), null);
    assert.equal(delongAuc(same), null);
    assert.equal(
      bootstrapInterval(
        same,
        ({ score }) => String(score),
        () => null,
        { rounds: 10 },
      ),
      null,
    );
    const { f1, negativePredictiveValue } = performanceOf([{ label: false, calledPositive: false }]);
    assert.deepEqual([f1, negativePredictiveValue?.value], [null, 1]);
  });
});

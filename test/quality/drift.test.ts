import assert from 'node:assert/strict';
import { addDays, chartOf, type DailyFigure } from '../../agent/quality/chart.js';
import { alarmsBefore, watchOf } from '../../agent/quality/watch.js';
import { inventStudies } from '../../cli/seed/studies.js';
import { dayAfter, SEED_BLUR, SEED_DRIFT, SEED_SCANNERS } from '../../cli/seed/truth.js';
import { driftOf } from '../support/seededDrift.js';

const FIRST = '2024-01-01';
const DRIFT_DAY = dayAfter(FIRST, SEED_DRIFT.day);
const newcomer = SEED_SCANNERS.find(({ from }) => from > 0)!;

describe('quality: the drift that is built into seeded studies', function () {
  this.timeout(120_000);

  const watched = (studies: number, seed: number) =>
    watchOf(driftOf(inventStudies({ studies, seed, models: 3 }), FIRST), [], []);

  /** What is no doing of the new scanner: it moves the figures of all together, too. */
  const forNothing = (watch: ReturnType<typeof watched>) =>
    alarmsBefore(watch.alarms, DRIFT_DAY, 365).filter(
      ({ scope, day }) =>
        scope !== newcomer.station && !(scope === 'all' && day >= dayAfter(FIRST, newcomer.from)),
    );

  for (const [studies, withinDays] of [
    [20_000, 10],
    [2_000, 35],
  ] as const)
    it(`${studies} studies: found on its scanner within ${withinDays} days, by both rules; hardly an alarm in the year before`, () => {
      for (const seed of [21, 22]) {
        const watch = watched(studies, seed);
        for (const rule of ['seven-days', 'average'] as const) {
          const found = watch.alarms.filter(
            (alarm) => alarm.rule === rule && alarm.scope === SEED_DRIFT.station && alarm.day >= DRIFT_DAY,
          );
          const first = found.at(-1)?.day ?? 'never';
          assert.ok(first <= addDays(DRIFT_DAY, withinDays), `seed ${seed}, ${rule}: ${first}`);
        }
        const wrong = forNothing(watch);
        assert.equal(wrong.filter(({ rule }) => rule === 'seven-days').length, 0);
        assert.ok(wrong.length <= 2, wrong.map(({ id }) => id).join());
      }
    });

  it('nothing stands out where nothing has changed: the other scanners, after that day', () => {
    const { alarms } = watched(20_000, 21);
    const others = alarms.filter(
      ({ scope, rule, figure }) =>
        !['all', SEED_DRIFT.station, newcomer.station].includes(scope) &&
        !(scope === SEED_BLUR.station && figure === 'sharpness') &&
        rule === 'seven-days',
    );
    assert.deepEqual(others, []);
  });

  it('blurred pictures: found on their scanner by sharpness, within ten days, and by nothing else there', () => {
    const from = dayAfter(FIRST, SEED_BLUR.day);
    const own = watched(20_000, 21).alarms.filter(
      ({ scope, day }) => scope === SEED_BLUR.station && day >= from,
    );
    assert.deepEqual([...new Set(own.map(({ figure }) => figure))], ['sharpness']);
    assert.ok(own.at(-1)!.day <= addDays(from, 10), own.at(-1)!.day);
  });
});

describe('quality: a control chart', () => {
  const days = (count: number, mean: (day: number) => number): DailyFigure[] =>
    Array.from({ length: count }, (_, i) => ({
      day: addDays(FIRST, i),
      studies: 10,
      // Days differ a little, as if by chance, and the same every time.
      mean: mean(i) + 0.01 * Math.sin(i * 7.3),
      standardDeviation: 0.1,
    }));

  it('gives an alarm on the seventh day running outside, not on the sixth', () => {
    const shifted = (from: number, to: number) => days(120, (i) => (i >= from && i < to ? 0.72 : 0.5));
    const bySeven = (figures: DailyFigure[]) =>
      chartOf('A', 'score', figures)!.alarms.filter(({ rule }) => rule === 'seven-days');
    assert.deepEqual(bySeven(shifted(80, 86)), []);
    const [alarm, ...more] = bySeven(shifted(80, 87));
    assert.deepEqual(more, []);
    assert.deepEqual([alarm!.day, alarm!.since], [addDays(FIRST, 86), addDays(FIRST, 80)]);
    assert.equal(alarm!.id, `A|score|seven-days|${alarm!.day}`);
  });

  it('days on either side of the base are not a run', () => {
    const chart = chartOf(
      'A',
      'score',
      days(120, (i) => (i < 80 ? 0.5 : i % 2 ? 0.75 : 0.25)),
    )!;
    assert.deepEqual(
      chart.alarms.filter(({ rule }) => rule === 'seven-days'),
      [],
    );
  });

  it('a small lasting shift that no single day shows is found by the average', () => {
    const chart = chartOf(
      'A',
      'score',
      days(200, (i) => (i < 100 ? 0.5 : 0.55)),
    )!;
    assert.deepEqual(
      chart.alarms.map(({ rule }) => rule),
      ['average'],
    );
    assert.ok(chart.alarms[0]!.day >= addDays(FIRST, 100) && chart.alarms[0]!.day < addDays(FIRST, 130));
  });

  it('too small a base is no chart', () => {
    assert.equal(
      chartOf(
        'A',
        'score',
        days(15, () => 0.5),
      ),
      null,
    );
    assert.equal(chartOf('A', 'score', []), null);
  });

  it('an acknowledged new base begins the chart again', () => {
    const rows = days(200, (i) => (i < 100 ? 0.5 : 0.8)).map((day) => ({
      ...day,
      site: '',
      scanner: 'A',
      figure: 'score',
    }));
    const [alarm] = watchOf(rows, [], []).alarms.filter(
      ({ scope, rule }) => scope === 'A' && rule === 'seven-days',
    );
    const said = {
      id: '',
      reason: 'new coil',
      acknowledgedBy: 'user:anna',
      acknowledgedAt: new Date(),
      isNewBase: true,
    };
    const after = watchOf(rows, [], [{ ...said, alarm: alarm!.id }]);
    assert.deepEqual(
      after.alarms.filter(({ scope }) => scope === 'A'),
      [],
    );
    const kept = watchOf(rows, [], [{ ...said, alarm: alarm!.id, isNewBase: false }]);
    assert.equal(kept.alarms.find(({ id }) => id === alarm!.id)?.acknowledged?.reason, 'new coil');
  });

  it('a scanner or protocol after the base is said once', () => {
    const seen = [
      { site: 'S', scanner: 'A', protocol: 'T2', day: '2024-01-01' },
      { site: 'S', scanner: 'A', protocol: 'T2 new', day: '2024-05-01' },
      { site: 'S', scanner: 'B', protocol: 'T2', day: '2024-06-01' },
    ];
    assert.deepEqual(
      watchOf([], seen, []).alarms.map(({ what }) => what),
      ['scanner B (S)', 'protocol T2 new'],
    );
  });
});

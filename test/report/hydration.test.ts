import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerLine } from '../../agent/report/answerLine.js';
import { scoreOf } from '../../agent/report/answers.js';
import { buildReport } from '../../agent/report/build.js';
import type { ReportInput } from '../../agent/report/types.js';
import { projectRoot } from '../../config/root.js';
import { needsPeer } from '../support/peers.js';
import { CALCIFIED, disc, reportInput } from './sample.js';
import { SHAPES } from './shapes.js';
import { all, groups, readBack } from './walk.js';

interface Hydrated {
  readonly toolType: string;
  readonly label: string;
  readonly points: number;
}

describe('report: what viewers show', () => {
  it('says the answer of each disc in one line, before any other comment', () => {
    const lines = groups(readBack().root).map((group) => all(group, '121106')[0]!.value);
    assert.equal(
      lines[3],
      'L4-L5: calcification flagged, 87 % on MR; CT calcified, mean 214 HU, maximum 371 HU. AI, research only',
    );
    assert.match(lines[0]!, /^L1-L2: no calcification flagged, 13 % on MR; CT not calcified/);
  });

  it('states no unconfirmed level as a fact, and no CT value beside it', () => {
    const localisation = { status: 'uncertain', reasons: ['sacrum not seen'] } as const;
    const [line] = groups(readBack({ localisation, discs: [disc('L4-L5', CALCIFIED)] }).root).map(
      (group) => all(group, '121106')[0]!.value,
    );
    assert.equal(
      line,
      'Disc 1 of 1 from above, level NOT confirmed (perhaps L4-L5): calcification flagged, 87 % on MR. AI, research only',
    );
  });

  it('never rounds a probability to certainty', () => {
    for (const [probability, words] of [
      [0.9999, 'over 99 %'],
      [0.0001, 'under 1 %'],
      [0.994, '99 %'],
    ] as const) {
      const said = probability > 0.5 ? ('calcified' as const) : ('not-calcified' as const);
      const answer = { probability, threshold: 0.5, answer: said, reasons: [] };
      const [group] = groups(readBack({ discs: [disc('L4-L5', { answer })] }).root);
      assert.ok(all(group!, '121106')[0]!.value.includes(`${words} on MR`), String(probability));
    }
  });

  it('says the answer where OHIF shows it before hydration: in the name of the number and the site', () => {
    const named = (changes: Partial<ReportInput>) =>
      groups(readBack(changes).root).map((group) => [
        ...all(group, '111012').map((node) => node.concept!.meaning),
        ...all(group, '363698007').map((node) => node.code!.meaning),
      ]);
    const parameters = { ...reportInput().parameters, prevalence: 0.015 };
    assert.deepEqual(named({ parameters }).slice(3), [
      ['Calcification FLAGGED (from 50 %)', 'L4-L5 intervertebral disc'],
      ['No calcification flagged (below 50 %)', 'L5-S1 intervertebral disc'],
    ]);
    assert.deepEqual(named({ ...SHAPES['uncertain and not to be assessed'] }), [
      ['Lumbar disc, LEVEL NOT CONFIRMED (perhaps L4-L5): not assessable'],
    ]);
    assert.deepEqual(named({ ...SHAPES.uncertain })[3], [
      'LEVEL NOT CONFIRMED: Calcification FLAGGED',
      'Lumbar disc, LEVEL NOT CONFIRMED (perhaps L4-L5)',
    ]);
  });

  it('repeats the region below the certainty alone: a CT value is not drawn on the MR', () => {
    const [group] = groups(readBack().root);
    const below = (code: string) => all(group!, code).map((node) => all(node, '111030').length);
    assert.deepEqual(below('111012'), [1]);
    assert.deepEqual(below('112031'), [0, 0]);
  });
});

describe('report: hydrated by the adapters of OHIF', function () {
  this.timeout(60_000);
  let folder = '';

  before(function () {
    needsPeer(this, 'viewers');
    folder = mkdtempSync(join(tmpdir(), 'hydration-'));
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  /** Of each report what the viewer draws. */
  function hydrateAll(reports: readonly Partial<ReportInput>[]): Hydrated[][] {
    const files = reports.map((changes, index) => {
      const file = join(folder, `report${index}.dcm`);
      writeFileSync(file, buildReport(reportInput(changes)).file);
      return file;
    });
    const script = join(projectRoot, 'test/viewers/hydrate.mjs');
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...files], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  }
  const hydrate = (changes: Partial<ReportInput>) => hydrateAll([changes])[0]!;

  it('draws every disc that has a score as a rectangle whose label is the answer', () => {
    const found = hydrate({});
    assert.deepEqual(
      found.map(({ toolType, points }) => [toolType, points]),
      Array.from({ length: 5 }, () => ['RectangleROI', 4]),
    );
    assert.match(found[3]!.label, /^L4-L5: calcification flagged, 87 % on MR/);
  });

  it('draws every disc that has a score, whatever the report', () => {
    const shapes = Object.entries(SHAPES).filter(([, { discs }]) => discs?.length !== 0);
    const drawn = hydrateAll(shapes.map(([, changes]) => changes));
    for (const [index, [shape, changes]] of shapes.entries()) {
      const input = reportInput(changes);
      const boxes = drawn[index]!.filter(({ toolType }) => toolType === 'RectangleROI');
      for (const each of input.discs.filter((one) => scoreOf(one) !== null)) {
        const label = answerLine(input, each);
        assert.ok(
          boxes.some((box) => box.label === label),
          `${shape}: ${label}`,
        );
      }
    }
  });

  it('hangs a disc without a score on no number of the CT', () => {
    const found = hydrate({ discs: [disc('L4-L5', { answer: null }), disc('L5-S1')] });
    assert.deepEqual(
      found.map(({ label }) => label.slice(0, 5)),
      ['L5-S1'],
    );
  });
});

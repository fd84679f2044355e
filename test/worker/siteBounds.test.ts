import assert from 'node:assert/strict';
import { type FlagRange, flagAlarm } from '../../agent/domain/flagShare.js';
import { listAudit } from '../../db/tables/audit.js';
import { insertInferences, listInferences } from '../../db/tables/inferences.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertMeasurements } from '../../db/tables/measurements.js';
import { type ModelRow, setLocalBounds } from '../../db/tables/models.js';
import { listRegions } from '../../db/tables/regions.js';
import { countFlagged, listToldDiscs } from '../../db/views/toldDiscs.js';
import { boundsOf } from '../../models/catalogue/localBounds.js';
import { cardOf, openClassifier } from '../../models/catalogue/registry.js';
import { type SiteDisc, siteFigures } from '../../models/evaluation/siteFigures.js';
import { decide } from '../../worker/answer.js';
import { useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf } from './locatedCases.js';
import { activateTiny, temporaryModels } from './models.js';
import { fixtureModels, greyRegion, pngOf } from './regions.js';

const actor = 'user:test';

describe("a site's own threshold", () => {
  const test = useDatabase();
  let models: { folder: string; remove(): Promise<void> };
  let model: ModelRow;
  before(async () => {
    models = await temporaryModels(fixtureModels);
    model = await activateTiny(test.database, [models.folder]);
  });
  after(() => models.remove());

  const knex = () => test.database.knex;
  const answerAt = (row: ModelRow, probability: number) =>
    decide({ probability, distance: null }, openClassifier(row, [models.folder]).card).answer;

  it("stands beside the card, decides from then on, is audited, and gives way to the card's again", async () => {
    const { id } = model;
    assert.equal(answerAt(model, 0.8), 'calcified');
    const bounds = boundsOf({ threshold: 0.9, indeterminateFrom: 0.7 }, cardOf(model));
    const own = await setLocalBounds(knex(), { id, bounds, actor, reason: 'our first studies' });
    assert.deepEqual(
      [0.95, 0.8, 0.6].map((p) => answerAt(own, p)),
      ['calcified', 'indeterminate', 'not-calcified'],
    );
    assert.equal((own.card as { threshold: number }).threshold, 0.5, 'the card stays as it came');
    const [event] = await listAudit(knex(), 'model', id);
    assert.equal(event?.event, 'MODEL_BOUNDS_SET');
    assert.deepEqual(
      [event?.actor, event?.detail.reason, event?.detail.before, event?.detail.after],
      [actor, 'our first studies', null, bounds],
    );
    const back = await setLocalBounds(knex(), { id, bounds: null, actor, reason: 'back' });
    assert.equal(answerAt(back, 0.8), 'calcified');
  });

  it('is a share, above where the answer is indeterminate, which the card says where nobody does', () => {
    const card = { ...cardOf(model), indeterminateFrom: 0.4 };
    assert.throws(() => boundsOf({ threshold: 1.2 }, card), /from 0 to 1, not 1.2/);
    assert.throws(() => boundsOf({ threshold: 0.5, indeterminateFrom: 0.6 }, card), /above the threshold/);
    assert.deepEqual(boundsOf({ threshold: 0.9 }, card), { threshold: 0.9, indeterminateFrom: 0.4 });
    assert.deepEqual(boundsOf({ threshold: 0.3 }, card), { threshold: 0.3, indeterminateFrom: null });
  });

  it("is suggested from the site's discs that no CT calls calcified, when there are enough of them", () => {
    const discs = (count: number): SiteDisc[] =>
      Array.from({ length: count }, (_, i) => ({
        studyInstanceUid: `1.${Math.floor(i / 5)}`,
        probability: (i + 0.5) / count,
        answer: i >= count / 2 ? 'calcified' : 'not-calcified',
        // One in ten has a CT; of those the upper fifth are calcified.
        ctLabel: i % 10 !== 0 ? null : i >= 0.8 * count ? 'calcified' : 'not-calcified',
      }));
    const few = siteFigures(discs(100)).suggestion;
    assert.match('none' in few ? few.none : '', /of 20 studies are too few: 200 of 40/);
    const { flagged, againstCt, suggestion } = siteFigures(discs(400));
    assert.equal(flagged?.value, 0.5);
    assert.ok(againstCt && againstCt.sensitivity?.value === 1 && againstCt.specificity!.value < 0.7);
    assert.ok(!('none' in suggestion));
    assert.ok(suggestion.threshold > 0.94 && suggestion.threshold < 0.96, String(suggestion.threshold));
    assert.equal(suggestion.discs, 392);
    assert.ok(suggestion.flagged.value <= 0.05);
    assert.equal(suggestion.againstCt?.specificity?.value, 1, 'and sensitivity is told beside it');
    assert.ok(suggestion.againstCt!.sensitivity!.value < 0.5);
  });

  it("counts only what was told of discs whose level is certain, with CT's word where it has one", async () => {
    const png = await pngOf(greyRegion(9));
    for (const status of ['located', 'uncertain'] as const) {
      const row = await insertLocatedCase(test.database, regionsOf([png, png, png]));
      const localised = (modality: 'MR' | 'CT') =>
        insertLocalisation(knex(), {
          ...{ caseId: row.id, revision: 1, modality, seriesInstanceUid: row.mrSeriesInstanceUid },
          ...{ status, reasons: [], sliceSopInstanceUid: null, sliceIndex: null, sliceCount: null },
          ...{ slicePng: null, pixelSpacingMm: null, localiserName: 'localiser', localiserVersion: '1' },
          ...{ localiserSha256: '0'.repeat(64), milliseconds: 1 },
        });
      await localised('MR');
      await localised('CT');
      await insertMeasurements(knex(), [
        {
          ...{ caseId: row.id, revision: 1, level: 'L1-L2' as const, label: 'calcified' as const },
          ...{ meanHu: 200, maxHu: 300, areaMm2: 9, huLow: 120.1, huHigh: 383.7, confidence: 1 },
          ...{ centrePatientMm: [0, 0, 0] as const, centrePixel: [0, 0] as const },
          roiPixel: [0, 0, 1, 1] as const,
        },
      ]);
      const answers = ['calcified', 'not-calcified', 'indeterminate'] as const;
      await insertInferences(
        knex(),
        (await listRegions(knex(), row.id, 1)).map((region, i) => ({
          ...{ discRegionId: region.id, modelId: model.id, role: 'active' as const, probability: 0.5 },
          ...{
            threshold: 0.5,
            alone: null,
            distance: null,
            answer: answers[i]!,
            reasons: [],
            modelSha256: model.sha256,
          },
          ...{
            pngSha256: region.pngSha256,
            provider: 'cpu',
            runtime: 'test',
            batchSize: 3,
            batchPosition: i,
          },
          ...{ milliseconds: 1, cam: null },
        })),
      );
      assert.equal((await listInferences(knex(), row.id, 1)).length, 3);
    }
    const told = await listToldDiscs(knex(), model.id);
    assert.deepEqual(
      told.map(({ answer, ctLabel }) => [answer, ctLabel]),
      [
        ['calcified', 'calcified'],
        ['not-calcified', null],
        ['indeterminate', null],
      ],
    );
    assert.deepEqual(await countFlagged(knex(), 200), { model: 'tiny-classifier@1', told: 2, flagged: 1 });
  });

  it('raises an alarm when more are flagged than chance explains, and not before', () => {
    const range: FlagRange = { flaggedAtMost: 0.1, flaggedOver: 200 };
    const of = (told: number, flagged: number) => flagAlarm({ model: 'm@1', told, flagged }, range);
    assert.equal(of(199, 199), null, 'too few to say');
    assert.equal(of(200, 32), null, '20 are allowed, and 12 more are chance');
    assert.match(of(200, 33)!, /m@1 flagged 17 % of the last 200 discs it told, expected are at most 10 %/);
  });
});

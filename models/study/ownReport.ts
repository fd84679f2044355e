import { readModelFolder } from '../catalogue/modelFiles.js';
import { evaluate, type ScoredModel } from '../evaluation/evaluation.js';
import { headingOf, labelsHash, writeEvaluation } from '../evaluation/report.js';
import { readSet, scoreModel, withEngine } from '../evaluation/score.js';
import { type Trained, trainingTable } from './cards.js';
import type { NetworkName } from './published.js';
import { parityOf, refuseKnownPatients } from './report.js';
import type { Tell } from './stages.js';
import type { OwnStudy } from './study.js';

/**
 * As `calcidisc evaluate` on the test set, and how the networks were trained.
 * @throws CalcidiscError STUDY_INVALID when a test patient was trained on, or a model answers unlike PyTorch;
 *   DATASET_INVALID
 */
export async function writeOwnReport(
  study: OwnStudy,
  folders: ReadonlyMap<NetworkName, string>,
  tell: Tell,
): Promise<void> {
  const files = await Promise.all([...folders.values()].map((folder) => readModelFolder(folder)));
  const set = await readSet(study.test.folder);
  const [trained, scored]: [Trained[], ScoredModel[]] = [[], []];
  await withEngine(study.config, async (engine) => {
    for (const file of files) {
      trained.push(await parityOf(engine, file));
      const show = (done: number, total: number) =>
        tell((scored.length + done / total) / files.length, `${file.card.name}, ${done} of ${total} regions`);
      scored.push(await scoreModel(engine, file, set, show));
    }
  });
  const evaluation = evaluate(set, scored, [], { rounds: study.recipe.rounds });
  refuseKnownPatients(evaluation);
  const sha256 = labelsHash(set.labelsText);
  const heading = headingOf('Networks trained on regions of our own', evaluation, sha256);
  const warnings = [
    ...heading.warnings,
    ...(study.recipe.ownWarning === null ? [] : [study.recipe.ownWarning]),
  ];
  await writeEvaluation(study.report, evaluation, { ...heading, warnings }, sha256, {
    more: [trainingTable(trained)],
  });
}

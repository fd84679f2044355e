import { z } from 'zod';
import type { ModelFile } from '../catalogue/modelFiles.js';
import type { Parity } from './parity.js';
import { titleOf } from './studyTables.js';
import { NONE, type Table } from './tables.js';

const word = z.union([z.string(), z.number()]).transform(String).optional();
const patients = z.array(z.unknown()).default([]);

/** What a card of models/training says about how the network came to be; other entries are left alone. */
const TrainedCard = z.looseObject({
  threshold: z.number(),
  trainingData: z
    .looseObject({ patients, validation: patients, heldOut: patients, source: word, attribution: word })
    .prefault({}),
  training: z
    .looseObject({
      epochs: word,
      bestEpoch: word,
      validationAuc: word,
      startedFrom: word,
      networkSize: word,
      arguments: z
        .looseObject({ optimiser: word, lr: word, batch: word, schedule: word, flip: word, seed: word })
        .prefault({}),
    })
    .prefault({}),
});

export interface Trained {
  readonly file: ModelFile;
  readonly parity: Parity;
}

/** How each network was trained, going by its card, and how far its deployed answers are from PyTorch's. */
export function trainingTable(models: readonly Trained[]): Table {
  const columns = models.map(columnOf);
  return {
    title: 'How the networks were trained',
    header: ['', ...models.map(({ file }) => `${titleOf(file.card)} (version ${file.card.version})`)],
    rows: Object.keys(columns[0] ?? {}).map((name) => [
      name,
      ...columns.map((column) => column[name] ?? NONE),
    ]),
    notes: [
      'Split by patient: no patient is in two of the three groups. The epoch was chosen by the AUC and the threshold by the ' +
        'Youden index of the validation patients; the held-out patients were looked at with that threshold.',
      "Last line: probabilities of drawn regions by the agent's runtime against PyTorch in float32; allowed is a " +
        `difference of ${models[0]?.parity.tolerance ?? 0.001}.`,
    ],
  };
}

function columnOf({ file, parity }: Trained): Readonly<Record<string, string | undefined>> {
  const { trainingData, training } = TrainedCard.parse(file.card);
  const { optimiser, lr, schedule, batch, flip, seed } = training.arguments;
  const groups = [trainingData.patients, trainingData.validation, trainingData.heldOut];
  return {
    'Patients: training, validation, held out': groups.map((list) => list.length).join(', '),
    'Image size': training.networkSize,
    Optimiser: optimiser,
    'Learning rate': lr && (schedule ? `${lr}, ${schedule}` : lr),
    Batch: batch,
    Flip: flip,
    Seed: seed,
    'Started from': training.startedFrom,
    Epochs: training.epochs,
    'Best epoch': training.bestEpoch,
    'AUC of the validation patients': training.validationAuc,
    'onnxruntime-node and PyTorch differ by': `${parity.largestDifference.toExponential(1)} at most over ${parity.regions} regions`,
  };
}

export function patientGroups({
  card,
}: ModelFile): Readonly<Record<'training' | 'validation' | 'heldOut', string[]>> {
  const { trainingData } = TrainedCard.parse(card);
  return {
    training: trainingData.patients.map(String),
    validation: trainingData.validation.map(String),
    heldOut: trainingData.heldOut.map(String),
  };
}

import { z } from 'zod';
import type { ModelFile } from '../../../worker/modelFiles.js';
import { titleOf } from '../../study/studyTables.js';
import { NONE, type Table } from '../../study/tables.js';
import type { Parity } from './parity.js';

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
  return {
    title: 'How the networks were trained',
    header: [
      ...[
        '',
        'Patients (training / validation / held out)',
        'Size',
        'Optimiser',
        'Rate',
        'Batch',
        'Flip',
        'Seed',
      ],
      ...[
        'Started from',
        'Epochs',
        'Best',
        'Validation AUC',
        'onnxruntime-node and PyTorch differ by at most',
      ],
    ],
    rows: models.map(({ file, parity }) => {
      const { trainingData, training } = TrainedCard.parse(file.card);
      const { optimiser, lr, schedule, batch, flip, seed } = training.arguments;
      const counts = [trainingData.patients, trainingData.validation, trainingData.heldOut];
      return [
        `${titleOf(file.card)} (${file.card.version})`,
        counts.map((list) => list.length).join(' / '),
        training.networkSize ?? NONE,
        optimiser ?? NONE,
        [lr ?? NONE, schedule].filter(Boolean).join(', '),
        ...[
          batch,
          flip,
          seed,
          training.startedFrom,
          training.epochs,
          training.bestEpoch,
          training.validationAuc,
        ].map((value) => value ?? NONE),
        `${parity.largestDifference.toExponential(1)} (${parity.regions} drawn regions)`,
      ];
    }),
    notes: [
      'Split by patient: no patient is in two of the three groups. Epochs were chosen by the AUC and the threshold by the ' +
        'Youden index of the validation patients; the held-out patients were looked at with that threshold.',
      "Differences in probability between the agent's runtime and PyTorch in float32; allowed are " +
        `${models[0]?.parity.tolerance ?? 0.001}.`,
    ],
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

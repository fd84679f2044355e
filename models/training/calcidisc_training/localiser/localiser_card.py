"""Export localiser weights: python -m calcidisc_training.localiser.localiser_card --run DIR --out DIR [--version 1]

Reads RUN/weights.pt (or, with --checkpoint, the averaged weights of RUN/checkpoint.pt) and RUN/run.json;
writes OUT/model.onnx and OUT/card.json. Metrics come from a JSON file written by evaluate_localiser.
"""
import argparse
import json
import os

import torch

from ..common.export import SPIDER_ATTRIBUTION, SPIDER_SOURCE, export_onnx, write_card
from ..spine.levels import LEVELS, TISSUES
from ..spine.spacing import SPACING_MM
from ..spine.spider import NO_LEVELS
from .localiser_net import Localiser
from .normalise import CT_WINDOW_HU, HIGH_PERCENTILE, LOW_PERCENTILE, MEAN, MULTIPLE, STD

LIMITS = [
    'Trained on 29 patients of one public collection, one sequence (sagittal T2 SPACE), slices within 9-13 mm of the midline; every other contrast it has seen was synthesised from their label maps.',
    'Levels are named from the sacrum up. Transitional vertebrae and four or six lumbar vertebrae cannot be told from the training data; the chain model in agent/locate must doubt them.',
    'The sacrum is not labelled in the source; its outline in training is a construction.',
    'CT reformats were never trained on; CT-like contrast was synthesised.',
    'Research software; not a medical device.',
]


def load_weights(run, checkpoint=False) -> Localiser:
    path = os.path.join(run, 'checkpoint.pt' if checkpoint else 'weights.pt')
    state = torch.load(path, map_location='cpu')
    model = Localiser()
    model.load_state_dict(state['average'] if checkpoint else state)
    return model.eval()


def input_of() -> dict:
    return {
        'name': 'image', 'type': 'float32', 'shape': ['N', 1, 'H', 'W'], 'multipleOf': MULTIPLE, 'spacingMm': SPACING_MM,
        'rows': 'superior to inferior', 'columns': 'anterior to posterior',
        'normalisation': {
            'kind': 'percentile', 'low': LOW_PERCENTILE, 'high': HIGH_PERCENTILE, 'over': 'the whole resampled slice, before padding',
            'clampTo01': True, 'mean': MEAN, 'std': STD, 'padding': 'bottom and right, normalised grey 0, i.e. (0 - mean) / std',
            'ctWindowHu': list(CT_WINDOW_HU),
        },
    }


SECOND_SOURCE = ('; sagittal T1 and T2 slices of a second clinic, named by an earlier localiser and looked at: Sudirman et al., '
                 '"Lumbar Spine MRI Dataset", Mendeley Data V2, doi 10.17632/k57fr854j2.2, CC BY 4.0')


def card_of(run, version, metrics, note=None) -> dict:
    split = 'by patient; five folds, this one is ' + ('all patients' if run['fold'] is None else f"fold {run['fold']}")
    return {
        'name': 'localiser', 'version': str(version), 'kind': 'localiser',
        'description': 'U-Net over six scales that marks vertebrae, spinal canal and discs in a sagittal slice and names the discs.',
        'input': input_of(),
        'outputs': [
            {'name': 'tissue', 'type': 'float32', 'shape': ['N', len(TISSUES), 'H', 'W'], 'meaning': 'logits', 'classes': list(TISSUES)},
            {'name': 'level', 'type': 'float32', 'shape': ['N', len(LEVELS), 'H', 'W'], 'meaning': 'logits, on disc pixels',
             'classes': list(LEVELS), 'note': 'spread evenly over the first six classes where the sacrum is outside the picture'},
        ],
        'trainingData': {
            'source': SPIDER_SOURCE + (SECOND_SOURCE if run.get('sudirman') else ''), 'attribution': SPIDER_ATTRIBUTION, 'patients': run['patients'], 'heldOut': run['heldOut'],
            'split': split, 'simulated': False, 'noLevelSupervision': list(NO_LEVELS),
            'augmentation': 'geometry, field of view, contrast randomised from label maps, clutter off the spine, '
                            'residual discs painted between S1 and S2 (half of the samples whose S1-S2 is marked), drawn spines (8% of samples), '
                            'slips, steep sacra, collapsed and fused discs, 8-bit windows, JPEG, rims',
            'startedFrom': run.get('init'), 'steps': run['steps'], 'batch': run['batch'], 'seed': run['seed'], **({'note': note} if note else {}),
        },
        'metrics': metrics, 'licence': 'Weights CC BY 4.0, as the training data asks', 'limits': LIMITS,
        'intendedUse': 'Research: to find lumbar disc levels for the calcification classifiers. Not for diagnosis.',
    }


def export(run_folder, out, version, metrics=None, checkpoint=False, note=None) -> dict:
    os.makedirs(out, exist_ok=True)
    axes = {name: {0: 'n', 2: 'h', 3: 'w'} for name in ('image', 'tissue', 'level')}
    model = load_weights(run_folder, checkpoint)
    export_onnx(model, torch.zeros(1, 1, 320, 256), os.path.join(out, 'model.onnx'), ['image'], ['tissue', 'level'], axes)
    with open(os.path.join(run_folder, 'run.json'), encoding='utf-8') as f:
        run = json.load(f)
    return write_card(out, card_of(run, version, metrics or {}, note))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--run', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--version', default='1')
    p.add_argument('--metrics', help='JSON file to stand in the card as metrics')
    p.add_argument('--note', help='a sentence about this run, for the card')
    p.add_argument('--checkpoint', action='store_true')
    args = p.parse_args()
    metrics = json.load(open(args.metrics, encoding='utf-8')) if args.metrics else None
    print(export(args.run, args.out, args.version, metrics, args.checkpoint, args.note)['sha256'])


if __name__ == '__main__':
    main()

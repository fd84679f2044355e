"""Write models/<network>/<version>: ONNX, its figures on validation and held-out patients, the card.

    python -m calcidisc_training.classifier.classifier_card --run runs/resnet34 --data …/spider-t2-sagittal --out ../resnet34/1 --version 1

Everything measured here goes through the written ONNX in onnxruntime. The threshold is Youden's on the validation
patients; the held-out patients are only looked at, once, with that threshold.
"""
import argparse
import json
import os

import numpy as np
import torch

from ..common.export import SPIDER_ATTRIBUTION, SPIDER_SOURCE, export_onnx, write_card
from ..sets.classifier_data import MIDDLE_SHARE, cached_pool
from ..sets.simulate_params import SIMULATION
from .classifier_metrics import auc, report, youden_threshold
from .classifier_net import MEAN, STD, Classifier, Deployed, to_input
from .parity import TOLERANCE, check_parity, onnx_scores, parity_pictures, write_parity

SIZE_NOTE = {True: 'the network works at 224 by 224', False: 'the graph resizes 224 by 224 to networkSize first: a region holds about 117 by 68 source pixels, '
             'and the size is one of those of the study\'s search; chosen for the time at hand'}
TITLES = dict(resnet34='ResNet-34', densenet121='DenseNet-121', mobilevit_s='MobileViT-S')


def export_classifier(classifier, path, size=224) -> float:
    """Write a Classifier as ONNX (half-precision weights, any batch) with parity.json beside it.

    Returns the largest difference in probability from PyTorch over drawn regions; raises ValueError above TOLERANCE.
    """
    deployed = Deployed(classifier, size).eval().float().to('cpu', memory_format=torch.contiguous_format)
    example = to_input(torch.from_numpy(parity_pictures(2)))
    export_onnx(deployed, example, path, ['image'], ['probability', 'cam'], {k: {0: 'N'} for k in ('image', 'probability', 'cam')})
    worst = check_parity(deployed, path)
    write_parity(deployed, os.path.dirname(path))
    return worst


def disc_groups(pool) -> list[str]:
    return [f'{p}-{about["disc"]}' for p, about in zip(pool.patients, pool.about)]


def by_visibility(pool, scores) -> list[dict]:
    """AUC of the calcified regions of each third of visibility against all others; and how visible the thirds are."""
    seen = np.array([about.get('visibility', np.nan) for about in pool.about])
    cuts = np.nanpercentile(seen, [0, 100 / 3, 200 / 3, 100])
    rows = []
    for name, low, high in zip(('least visible third', 'middle third', 'most visible third'), cuts, cuts[1:]):
        keep = (pool.labels == 0) | ((seen >= low) & (seen <= high))
        rows.append(dict(calcified=name, darkeningInNoiseUnits=[round(float(low), 1), round(float(high), 1)], auc=round(auc(pool.labels[keep], scores[keep]), 4)))
    return rows


def measure(path, data, cache, split, regions, workers) -> tuple[float, dict]:
    """(threshold, metrics) of a written ONNX."""
    validation = cached_pool(cache, data, split['validation'], regions, 'validation', workers=workers)
    checked = onnx_scores(path, validation.pictures)
    threshold = youden_threshold(validation.labels, checked)
    metrics = dict(validation=report(validation.labels, checked, disc_groups(validation), threshold))
    for site in ('internal', 'external'):
        pool = cached_pool(cache, data, split['heldOut'], regions, site, workers=workers)
        scores = onnx_scores(path, pool.pictures)
        metrics[site] = dict(report(pool.labels, scores, disc_groups(pool), threshold), byVisibility=by_visibility(pool, scores),
                             meanProbability=dict(calcified=round(float(scores[pool.labels == 1].mean()), 4), other=round(float(scores[pool.labels == 0].mean()), 4)))
    return threshold, metrics


def cam_note(size) -> str:
    return '; its mean is the logit of the probability' if size == 224 else f', {size // 32} by {size // 32} brought to 7 by 7'


def card_of(name, version, run, split, threshold, metrics, parity, start=None) -> dict:
    arguments = dict(run['arguments'], weights=os.path.basename(run['arguments']['weights']))
    best = max(run['epochs'], key=lambda e: (e['epoch'] > arguments['focus_epochs'], e['validationAuc']))
    return dict(
        name=name, version=str(version), kind='classifier',
        description=f'{TITLES[name]} that gives the probability that a lumbar disc region on sagittal T2 MR is calcified. '
                    'Trained and tested on SIMULATED calcification drawn over real anatomy: no figure here says anything about real calcification.',
        simulated=True,
        input=dict(name='image', type='float32', shape=['N', 3, 224, 224],
                   region='disc extent plus 10 mm on each side, 224 by 224, 8-bit grey from percentiles 1 to 99.5 of the slice; canal to the right',
                   channels='grey / 255 three times', normalisation=dict(scale=1 / 255, mean=list(MEAN), std=list(STD))),
        outputs=[dict(name='probability', type='float32', shape=['N', 1], meaning='sigmoid; calcified at or above the threshold'),
                 dict(name='cam', type='float32', shape=['N', 1, 7, 7], meaning='class activation map in logits' + cam_note(arguments['size']) + '. '
                      'For this head (global average pooling, one linear layer) it equals Grad-CAM of the last features before its ReLU and scaling')],
        threshold=round(float(threshold), 6), thresholdFrom='maximum Youden index on the validation patients',
        trainingData=dict(source=SPIDER_SOURCE, attribution=SPIDER_ATTRIBUTION, patients=split['training'], validation=split['validation'], heldOut=split['heldOut'],
                          split='by patient: 5 held out, the others 8:2 into training and validation', simulated=True,
                          slices=f'the middle {round(100 * MIDDLE_SHARE)}% of each patient\'s slices, discs with canal behind them', simulation=SIMULATION,
                          external='the held-out patients again, other lesions, the whole slice passed through the externalSite processing: another site, not other people'),
        training=dict(arguments=arguments, networkSize=arguments['size'], sizeNote=SIZE_NOTE[arguments['size'] == 224], epochs=len(run['epochs']), bestEpoch=best['epoch'], validationAuc=best['validationAuc'],
                      minutes=run['epochs'][-1]['minutes'], startedFrom=start or ('random weights' if arguments['weights'] == 'none' else arguments['weights']),
                      notAsInTheStudy='no ImageNet weights unless named above; an extra loss teaches the class activation map where the simulated lesion lies (guide); '
                                      'twins (the same picture without the calcification) in every training batch; first epochs on plain lesions only, in a window about the posterior edge; '
                                      'up and down are exchanged instead of left and right, which would put the canal in front of the disc; '
                                      'where the arguments say so, the weights are a moving average over the steps (average) and gradients are bounded (clip)'),
        metrics=dict(metrics, parityWithPyTorch=dict(largestProbabilityDifference=float(f'{parity:.2e}'), tolerance=TOLERANCE),
                     interval='95%, bootstrap over discs (2,000 rounds): several slices and lesions of one disc are not independent. 5 patients, 25 discs: the intervals do not cover differences between people'),
        licence='Weights CC BY 4.0, as the training data asks',
        limits=['Calcification is simulated. The network has seen no real calcified disc, and no CT ever confirmed its labels.',
                'Anatomy from 24 patients of one public collection, one sequence (3D T2 SPACE, 0.47 mm); thick 2D slices, other contrasts and other scanners are not represented.',
                'The external figures come from processing the same held-out patients, not from another hospital.',
                'Half of the test regions are calcified; predictive values hold for that share alone.',
                'Small, faint or annular calcification is missed: see byVisibility.',
                'Research software; not a medical device.'],
        intendedUse='Research and software testing: to carry a probability through Calcidisc. Not for diagnosis.')


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--run', required=True)
    p.add_argument('--data', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--version', required=True)
    p.add_argument('--cache')
    p.add_argument('--start', help='what the run started from, in words, where it was not --weights as recorded')
    p.add_argument('--regions', type=int, default=500, help='per test set')
    p.add_argument('--workers', type=int, default=2)
    a = p.parse_args()
    with open(f'{a.run}/history.json', encoding='utf-8') as f:
        run = json.load(f)
    name, split = run['arguments']['network'], run['split']
    classifier = Classifier(name, 'none')
    classifier.load_state_dict(torch.load(f'{a.run}/best.pt', map_location='cpu', weights_only=True)['model'])
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, 'model.onnx')
    parity = export_classifier(classifier, path, run['arguments']['size'])
    threshold, metrics = measure(path, a.data, a.cache, split, a.regions, a.workers)
    write_card(a.out, card_of(name, a.version, run, split, threshold, metrics, parity, a.start))
    for site in ('validation', 'internal', 'external'):
        m = metrics[site]
        print(f"{name} {a.version} {site}: AUC {m['auc']} {m['aucInterval95']} sensitivity {m['sensitivity']} specificity {m['specificity']} of {m['regions']} regions")
    print(f'threshold {threshold:.4f}, parity {parity:.1e}')


if __name__ == '__main__':
    main()

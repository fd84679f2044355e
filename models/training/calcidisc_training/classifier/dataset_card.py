"""Write model.onnx and card.json of a classifier trained on a site's own export.

    python -m calcidisc_training.classifier.dataset_card --run runs/north --dataset export --out north-resnet34 --version 2

The figures are those of the validation patients, measured through the written ONNX. They chose the epoch and the
threshold, so they flatter: `calcidisc evaluate` on patients that neither training nor validation saw is the honest one.
"""
import argparse
import json
import os

import torch

from ..common.export import write_card
from ..sets.dataset import DatasetError, read_dataset
from .classifier_card import TITLES, TOLERANCE, cam_note, export_classifier, onnx_scores
from .classifier_metrics import report, youden_threshold
from .classifier_net import MEAN, STD, Classifier

MANIFEST, KIND = 'dataset.json', 'calcidisc-dataset'


def read_manifest(folder) -> dict:
    """dataset.json of an export. Raises DatasetError without one: a card has to say where its labels come from."""
    path = os.path.join(folder, MANIFEST)
    try:
        with open(path, encoding='utf-8') as f:
            manifest = json.load(f)
    except (OSError, ValueError) as error:
        raise DatasetError(f'cannot read {path}: {error}') from error
    if manifest.get('kind') != KIND:
        raise DatasetError(f'{path} is no {KIND}')
    return manifest


def source_of(manifest, simulated) -> tuple[str, str, list[str]]:
    """(source, what the labels rest on, limits that follow), in words."""
    labels = manifest['sources']['labels']
    rules = ', '.join(f'{r["huLow"]}-{r["huHigh"]} HU' for r in manifest['labelRules'])
    rest_on = f'CT within 28 days: a region of the disc at {rules}' if labels == 'ct' else 'a person\'s reading of the MR'
    limits = [f'One site ({manifest["site"]}), its scanners and its patients.', f'Labels rest on {rest_on}.']
    if simulated:
        limits.insert(0, 'The images are simulated: no figure here says anything about patients.')
    return f'`calcidisc dataset export` of site {manifest["site"]}, {manifest["created"]}, {manifest["software"]}', rest_on, limits


def card_of(name, version, run, manifest, validation, threshold, scores, parity, simulated) -> dict:
    """The card as a dict, without hash and date. `validation` is a RegionSet, `scores` its probabilities by the ONNX."""
    arguments = dict(run['arguments'], weights=os.path.basename(run['arguments']['weights']))
    split, size = run['split'], arguments['size']
    source, rest_on, limits = source_of(manifest, simulated)
    best = max(run['epochs'], key=lambda e: e['validationAuc'])
    counts = manifest['counts']
    return dict(
        name=name, version=str(version), kind='classifier', simulated=simulated,
        description=f'{TITLES[name]} that gives the probability that a lumbar disc region on sagittal T2 MR is calcified, trained on regions of site {manifest["site"]}.',
        input=dict(name='image', type='float32', shape=['N', 3, 224, 224],
                   region='disc extent plus the margin on each side, 224 by 224, 8-bit grey from percentiles 1 to 99.5 of the slice; canal to the right',
                   marginsMm=manifest['marginsMm'], channels='grey / 255 three times', normalisation=dict(scale=1 / 255, mean=list(MEAN), std=list(STD))),
        outputs=[dict(name='probability', type='float32', shape=['N', 1], meaning='sigmoid; calcified at or above the threshold'),
                 dict(name='cam', type='float32', shape=['N', 1, 7, 7], meaning='class activation map in logits' + cam_note(size))],
        threshold=round(float(threshold), 6), thresholdFrom='maximum Youden index on the validation patients',
        trainingData=dict(source=source, attribution='the site', labels=rest_on, regionsFrom=manifest['sources']['regions'], patients=split['training'],
                          validation=split['validation'], heldOut=split['heldOut'], split='8:2 by patient pseudonym, patients with and without a calcified disc each by themselves',
                          simulated=simulated, keyFingerprint=manifest['keyFingerprint'], counts=counts, controls=manifest['controls'], leftOut=manifest['leftOut']),
        training=dict(arguments=arguments, networkSize=size, epochs=len(run['epochs']), bestEpoch=best['epoch'], validationAuc=best['validationAuc'], minutes=run['epochs'][-1]['minutes'],
                      startedFrom='random weights' if arguments['weights'] == 'none' else arguments['weights']),
        metrics=dict(validation=report(validation.labels, scores, list(validation.patients), threshold),
                     parityWithPyTorch=dict(largestProbabilityDifference=float(f'{parity:.2e}'), tolerance=TOLERANCE),
                     interval='95%, bootstrap over patients (2,000 rounds)', optimistic='the validation patients chose the epoch and the threshold'),
        licence='as the site decides',
        limits=[*limits, 'The figures are of validation patients and flatter; evaluate on patients that were not part of the export.',
                f'{counts["calcified"]} of {counts["regions"]} regions are calcified; predictive values hold for that share alone.', 'Research software; not a medical device.'],
        intendedUse='Research at the site that trained it. Not for diagnosis.')


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--run', required=True, help='folder of train_classifier --dataset')
    p.add_argument('--dataset', required=True, help='the export it was trained on')
    p.add_argument('--out', required=True)
    p.add_argument('--version', required=True)
    p.add_argument('--simulated', action='store_true', help='the export is of phantoms or drawn calcification: the card has to say so')
    a = p.parse_args()
    with open(os.path.join(a.run, 'history.json'), encoding='utf-8') as f:
        run = json.load(f)
    manifest, regions = read_manifest(a.dataset), read_dataset(a.dataset)
    validation = regions.of(run['split']['validation'])
    known = set(run['split']['training']) | set(run['split']['validation'])
    if known != set(regions.patients.tolist()):
        raise DatasetError(f'{a.run} was not trained on {a.dataset}: its patients are others')
    name = run['arguments']['network']
    classifier = Classifier(name, 'none')
    classifier.load_state_dict(torch.load(os.path.join(a.run, 'best.pt'), map_location='cpu', weights_only=True)['model'])
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, 'model.onnx')
    parity = export_classifier(classifier, path, run['arguments']['size'])
    scores = onnx_scores(path, validation.pictures)
    threshold = youden_threshold(validation.labels, scores)
    card = write_card(a.out, card_of(name, a.version, run, manifest, validation, threshold, scores, parity, a.simulated))
    m = card['metrics']['validation']
    print(f"{name} {a.version}: validation AUC {m['auc']} {m['aucInterval95']} (optimistic), threshold {threshold:.4f}, parity {parity:.1e}")


if __name__ == '__main__':
    main()

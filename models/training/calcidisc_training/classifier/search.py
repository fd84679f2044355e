"""Hyper-parameter search as the study describes it: optimiser, image size, batch, initialisation.

    python -m calcidisc_training.classifier.search --network resnet34 --data …/spider-t2-sagittal --out runs/search --epochs 10 --trials 12

Every combination, or --trials of them drawn by --seed, is trained by train_classifier in a folder of its own; a finished
one is not repeated, an interrupted one goes on. Judged by the AUC of the validation patients alone: the held-out patients
are not looked at. Writes search.json and search.md, best first. What stands after -- goes to train_classifier as it is.
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import time

import numpy as np

from .networks import ARCHITECTURES

AXES = dict(optimiser=['adam', 'sgd'], size=[128, 256, 512], batch=[2, 4, 8, 16, 32], weights=['imagenet', 'none'], lr=[1e-4])
SGD_RATE = 10          # momentum SGD needs about ten times Adam's rate


def arguments(argv) -> tuple[argparse.Namespace, list[str]]:
    own, rest = (argv[:argv.index('--')], argv[argv.index('--') + 1:]) if '--' in argv else (argv, [])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--network', choices=tuple(ARCHITECTURES), default='resnet34')
    p.add_argument('--data', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--epochs', type=int, default=10)
    p.add_argument('--optimiser', nargs='+', choices=('adam', 'sgd'), default=AXES['optimiser'])
    p.add_argument('--size', nargs='+', type=int, choices=(128, 224, 256, 512), default=AXES['size'])
    p.add_argument('--batch', nargs='+', type=int, default=AXES['batch'])
    p.add_argument('--weights', nargs='+', default=AXES['weights'], help="'imagenet', 'none' or files")
    p.add_argument('--lr', nargs='+', type=float, default=AXES['lr'], help=f"Adam's; SGD takes {SGD_RATE} times as much")
    p.add_argument('--trials', type=int, help='so many combinations, drawn without repetition; all of them otherwise')
    p.add_argument('--seed', type=int, default=1)
    return p.parse_args(own), rest


def combinations(a) -> list[dict]:
    """Every combination as a dict, or a.trials of them in a drawn order."""
    every = [dict(zip(AXES, values)) for values in itertools.product(*(getattr(a, axis) for axis in AXES))]
    if a.trials is None or a.trials >= len(every):
        return every
    return [every[i] for i in np.random.default_rng(a.seed).permutation(len(every))[:a.trials]]


def name_of(trial) -> str:
    words = dict(trial, weights=os.path.splitext(os.path.basename(trial['weights']))[0])
    return '-'.join(f'{k}_{v}' for k, v in words.items())


def command_of(a, trial, rest) -> list[str]:
    rate = trial['lr'] * (SGD_RATE if trial['optimiser'] == 'sgd' else 1)
    settings = dict(network=a.network, data=a.data, epochs=a.epochs, seed=a.seed, out=os.path.join(a.out, name_of(trial)),
                    cache=os.path.join(a.out, 'cache'), **dict(trial, lr=rate))
    return [sys.executable, '-m', 'calcidisc_training.classifier.train_classifier', '--resume', *(w for k, v in settings.items() for w in (f'--{k}', str(v))), *rest]


def result_of(a, trial) -> dict | None:
    """What a trial's history says; None while it is not finished or has failed."""
    path = os.path.join(a.out, name_of(trial), 'history.json')
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8') as f:
        history = json.load(f)
    epochs, patience = history['epochs'], history['arguments']['patience']
    best = max(epochs, key=lambda e: e['validationAuc'])
    is_finished = len(epochs) >= a.epochs or len(epochs) - best['epoch'] >= patience
    return dict(trial, validationAuc=best['validationAuc'], bestEpoch=best['epoch'], epochs=len(epochs), minutes=epochs[-1]['minutes']) if is_finished else None


def table_of(network, results, failed) -> str:
    head = ['Optimiser', 'Rate (Adam)', 'Size', 'Batch', 'Started from', 'Validation AUC', 'Best epoch', 'Epochs', 'Minutes']
    keys = ['optimiser', 'lr', 'size', 'batch', 'weights', 'validationAuc', 'bestEpoch', 'epochs', 'minutes']
    lines = [f'# Hyper-parameter search, {network}', '', '**Simulated calcification over real anatomy.** AUC of the validation patients, which chose the best epoch too: '
             'good for choosing, too good to report.', '', '| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(str(r[k]) for k in keys) + ' |' for r in results]
    return '\n'.join(lines + [f'\nFailed: {name}' for name in failed]) + '\n'


def write_results(a, trials, failed) -> list[dict]:
    found = [r for r in (result_of(a, t) for t in trials) if r]
    results = sorted(found, key=lambda r: -r['validationAuc'])
    with open(os.path.join(a.out, 'search.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(network=a.network, simulated=True, judgedBy='AUC of the validation patients', results=results, failed=failed), f, indent=1)
    with open(os.path.join(a.out, 'search.md'), 'w', encoding='utf-8') as f:
        f.write(table_of(a.network, results, failed))
    return results


def main() -> None:
    a, rest = arguments(sys.argv[1:])
    os.makedirs(a.out, exist_ok=True)
    trials, failed, ran, began = combinations(a), [], 0, time.time()
    for i, trial in enumerate(trials):
        if result_of(a, trial) is None:
            done = subprocess.run(command_of(a, trial, rest))
            ran += 1
            if done.returncode:
                failed.append(name_of(trial))
        write_results(a, trials, failed)
        left = (time.time() - began) / max(ran, 1) * (len(trials) - i - 1)
        print(f'trial {i + 1} of {len(trials)} {name_of(trial)}: {result_of(a, trial)}; {left / 60:.0f} min left', flush=True)
    results = write_results(a, trials, failed)
    if not results:
        sys.exit('no trial came to its end')
    print(f"best: {name_of({k: results[0][k] for k in AXES})}, validation AUC {results[0]['validationAuc']}; all in {a.out}/search.md")


if __name__ == '__main__':
    main()

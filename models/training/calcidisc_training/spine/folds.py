"""Five folds by patient. Fold 0 holds out the patients of the real-input check, so version 1 is fold 0."""
import json
import os
import random
import sys

from .spider import HELD_OUT, patients_in

FOLDS = 5
SEED = 20241123


def make_folds(patients) -> dict:
    """{fold: sorted held-out patients}: every patient in exactly one fold, the same on every machine."""
    rest = sorted(set(patients) - set(HELD_OUT))
    random.Random(SEED).shuffle(rest)
    folds = {0: sorted(set(patients) & set(HELD_OUT))}
    for k in range(1, FOLDS):
        folds[k] = sorted(rest[k - 1::FOLDS - 1])
    return folds


def split(patients, fold) -> tuple[list[int], list[int]]:
    """(training patients, held-out patients) of a fold; fold None trains on all and holds out none."""
    held = [] if fold is None else make_folds(patients)[fold]
    return sorted(set(patients) - set(held)), held


def main() -> None:
    """Write folds.json beside this file, for readers in other languages: python -m calcidisc_training.spine.folds DATA"""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'folds.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({str(k): held for k, held in make_folds(patients_in(sys.argv[1])).items()}, f, indent=1)
        f.write('\n')


if __name__ == '__main__':
    main()

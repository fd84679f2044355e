"""A contact sheet of simulated regions, to look at: rows of one class each.

    python -m calcidisc_training.sets.simulate_sheet --data … --patients 7,11 --site training --out sheet.png
"""
import argparse

import numpy as np
from PIL import Image

from .classifier_data import make_pool


def sheet(pictures, columns) -> np.ndarray:
    rows = -(-len(pictures) // columns)
    page = np.zeros((rows * 226, columns * 226), np.uint8)
    for i, picture in enumerate(pictures):
        r, c = divmod(i, columns)
        page[r * 226:r * 226 + 224, c * 226:c * 226 + 224] = picture
    return page


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--data', required=True)
    p.add_argument('--patients', required=True)
    p.add_argument('--site', default='training', choices=['training', 'validation', 'internal', 'external'])
    p.add_argument('--count', type=int, default=48)
    p.add_argument('--columns', type=int, default=8)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--out', required=True)
    a = p.parse_args()
    pool = make_pool(a.data, [int(n) for n in a.patients.split(',')], a.count, a.site, a.seed)
    order = np.argsort(-pool.labels.astype(int), kind='stable')
    Image.fromarray(sheet(pool.pictures[order], a.columns)).save(a.out)
    for i in order:
        print(pool.labels[i], pool.patients[i], pool.about[i])


if __name__ == '__main__':
    main()

"""Writes held-out simulated regions as the folder that `calcidisc evaluate` reads: PNG files and labels.csv.

    python -m calcidisc_training.sets.write_dataset --data …/spider-t2-sagittal --out set --count 400

Both sites, or the one that --site names: `internal` (the source's own contrast) and `external` (simulate_site), of the held-out patients only. The
calcifications are simulated; the anatomy is SPIDER's (van der Graaf et al., Sci Data 11:264 (2024), CC BY 4.0).
"""
import argparse
import csv
import os
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..spine.levels import LUMBAR
from ..spine.spider import HELD_OUT
from .classifier_data import cached_pool

SITES = ('internal', 'external')


def rows_of(pool, site) -> Iterator[tuple[dict, np.ndarray]]:
    """(row of labels.csv, picture) for every region of a pool."""
    for i, (picture, label, patient, about) in enumerate(zip(pool.pictures, pool.labels, pool.patients, pool.about)):
        yield dict(file=f'{site}-{i:04d}.png', patient=int(patient), site=site, level=LUMBAR[about['disc'] - 1],
                   label='calcified' if label else 'not-calcified'), picture


def write_dataset(pools, out) -> int:
    """pools: {site: Pool}. Returns how many regions were written."""
    os.makedirs(out, exist_ok=True)
    rows = []
    for site, pool in pools.items():
        for row, picture in rows_of(pool, site):
            Image.fromarray(picture).save(os.path.join(out, row['file']))
            rows.append(row)
    with open(os.path.join(out, 'labels.csv'), 'w', newline='') as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--count', type=int, default=400, help='regions per site')
    parser.add_argument('--site', choices=SITES, help='only this one')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--cache')
    parser.add_argument('--workers', type=int, default=1)
    options = parser.parse_args()
    pools = {site: cached_pool(options.cache, options.data, list(HELD_OUT), options.count, site, options.seed, options.workers)
             for site in SITES if options.site in (None, site)}
    print(f'{write_dataset(pools, options.out)} regions of patients {", ".join(map(str, HELD_OUT))} in {options.out}')


if __name__ == '__main__':
    main()

"""Regions for training a classifier that can say no, in files.

    python -m calcidisc_training.classifier.flag_chunks --slices SLICES --out chunks --training 24 --held 3

SLICES is what `npm run bench:flags -- --slices` wrote. Chunks are training-K.npz and held-K.npz: pictures [N, 224, 224] uint8,
labels, cells, patients, about. Held are spider.HELD_OUT and every other source. A chunk that is there is not made again: several
processes share the work by --first and --step.
"""
import argparse
import json
import os
import time

import numpy as np

from ..sets.flag_sets import make_flag_pool
from ..sets.real_regions import RealDisc, read_discs
from ..spine.spider import HELD_OUT

NEVER_PAINTED = ('sudirman-t1',)
SEEDS = dict(training=300, held=700)


def is_training(disc: RealDisc) -> bool:
    return disc.stack.source == 'spider' and disc.stack.patient not in {f'SPIDER{n}' for n in HELD_OUT}


def write_chunk(path, discs, count, seed) -> None:
    pool = make_flag_pool(discs, count, seed, NEVER_PAINTED)
    part = f'{path}.{os.getpid()}.part.npz'
    np.savez(part, pictures=pool.pictures, labels=pool.labels, cells=pool.cells, patients=pool.patients, about=json.dumps(pool.about))
    os.replace(part, path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--slices', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--training', type=int, default=24, help='chunks')
    p.add_argument('--held', type=int, default=3, help='chunks')
    p.add_argument('--first', type=int, default=0)
    p.add_argument('--step', type=int, default=1, help='2 with --first 0 and 1: two processes')
    p.add_argument('--count', type=int, default=1000)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    discs = read_discs(a.slices)
    parts = dict(training=[d for d in discs if is_training(d)], held=[d for d in discs if not is_training(d)])
    wanted = [(part, k) for part in parts for k in range(getattr(a, part))]
    for part, k in wanted[a.first::a.step]:
        path = os.path.join(a.out, f'{part}-{k}.npz')
        if os.path.exists(path):
            continue
        began = time.process_time()
        write_chunk(path, parts[part], a.count, SEEDS[part] + k)
        print(f'{path}: {time.process_time() - began:.0f} s of processor', flush=True)


if __name__ == '__main__':
    main()

"""A drawn lumbar segment for tests: two vertebrae, a disc, the canal; SPIDER's mask values. No real data.

PYTHONPATH=. python tests/drawn.py FOLDER writes a small collection of such patients in SPIDER's layout.
"""
import os
import sys

import numpy as np
from PIL import Image

from calcidisc_training.sets.simulate import anatomy_of


def drawn_anatomy(seed=5, rows=240, columns=260):
    row, col = np.indices((rows, columns))
    mask = np.zeros((rows, columns), np.uint8)
    body = (col > 60) & (col < 150)
    mask[body & (row > 40) & (row < 105)] = 76
    mask[body & (row > 128) & (row < 200)] = 76
    mask[(col > 156) & (col < 190)] = 150
    disc = ((row - 116) / 10) ** 4 + ((col - 105) / 46) ** 4 <= 1
    mask[disc] = 29
    signal = np.select([mask == 76, mask == 150, mask == 29], [90, 220, 55], 20).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 4, signal.shape)
    return anatomy_of(np.clip(signal + noise, 0, 255), mask, disc, 0.47)


def write_drawn_patients(folder, patients, slices=6) -> None:
    """A folder as SPIDER's, of drawn slices with one disc each."""
    for kind in ('images', 'masks'):
        os.makedirs(os.path.join(folder, kind))
    for patient in patients:
        for number in range(slices):
            anatomy = drawn_anatomy(seed=patient * 10 + number)
            for kind, values in (('images', anatomy.pixels), ('masks', anatomy.mask)):
                Image.fromarray(values.astype(np.uint8)).save(os.path.join(folder, kind, f'{patient}_t2_SPACE_slice{number}.png'))


if __name__ == '__main__':
    from calcidisc_training.spine.spider import HELD_OUT
    write_drawn_patients(sys.argv[1], (*range(1, 11), *HELD_OUT))

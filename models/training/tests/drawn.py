"""A drawn lumbar segment for tests: two vertebrae, a disc, the canal; SPIDER's mask values. No real data."""
import numpy as np

from calcidisc_training.simulate import anatomy_of


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

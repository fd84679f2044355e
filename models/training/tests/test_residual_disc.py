"""Residual S1-S2 discs: drawn below L5-S1, named "S1-S2 or not a disc", and nowhere else."""
import numpy as np
import pytest

from calcidisc_training.levels import BACKGROUND, BELOW, DISC, IGNORE
from calcidisc_training.residual_disc import LENGTH, residual_disc
from calcidisc_training.sacrum import sacrum_map

MM = 0.94


def spine():
    """Four flat discs 36 px long and 10 high, L5-S1 at row 180, with bone between and a sacrum below."""
    image, tissue, level = np.full((320, 256), 0.1, np.float32), np.zeros((320, 256), np.uint8), np.full((320, 256), IGNORE, np.uint8)
    for k in range(4):
        row = 180 - 38 * k
        tissue[row - 33:row - 5, 110:146] = 1
        tissue[row - 5:row + 5, 110:146] = DISC
        level[row - 5:row + 5, 110:146] = k
    sacrum = sacrum_map((tissue == DISC) & (level == 0), (tissue == DISC) & (level == 1), tissue > 0)
    image[(tissue == 1) | (sacrum == 1)] = 0.6
    return image, tissue, level, sacrum


@pytest.mark.parametrize('seed', range(10))
def test_it_lies_below_l5_s1_is_shorter_and_is_named_so(seed):
    image, tissue, level, sacrum = spine()
    out, named = residual_disc(np.random.default_rng(seed), image, tissue, level, sacrum, MM)
    new = (named == BELOW) & (level != BELOW)
    rows, cols = np.nonzero(new)
    assert len(rows) > 40 and rows.mean() * MM > (180 + 20) * MM and rows.mean() * MM < (180 + 50) * MM
    assert (np.ptp(cols) + 1) <= 36 * LENGTH[1] + 4
    assert (tissue[new] == BACKGROUND).all(), 'no labelled vertebra, canal or disc is painted over'
    assert out[new].mean() < image[sacrum == 1].mean() - 0.2, 'as dark as the discs, not as bright as the bone'
    assert np.array_equal(out[tissue > 0], image[tissue > 0]) and np.array_equal(named[tissue > 0], level[tissue > 0])


def test_without_a_sacrum_or_l5_s1_nothing_is_drawn():
    image, tissue, level, sacrum = spine()
    for gone in (dict(sacrum=np.zeros_like(sacrum)), dict(tissue=np.where(level == 0, 0, tissue).astype(np.uint8))):
        given = dict(dict(image=image, tissue=tissue, level=level, sacrum=sacrum, mm_per_px=MM), **gone)
        out, named = residual_disc(np.random.default_rng(1), **given)
        assert out is image and named is level

"""Residual S1-S2 discs: painted between the marked ends, named "S1-S2 or not a disc", and nowhere else."""
import json
from pathlib import Path

import numpy as np
import pytest

from calcidisc_training.spine import residual_disc as residual
from calcidisc_training.spine.levels import BACKGROUND, BELOW, DISC, IGNORE
from calcidisc_training.spine.residual_disc import S1_S2, residual_disc
from calcidisc_training.spine.sacrum import sacrum_map

MM = 0.94
ENDS = ((215, 112), (213, 144))


def spine():
    """Four flat discs 36 px long and 10 high, L5-S1 at row 180, with bone between and a sacrum below."""
    image, tissue, level = np.full((320, 256), 0.1, np.float32), np.zeros((320, 256), np.uint8), np.full((320, 256), IGNORE, np.uint8)
    for k in range(4):
        row = 180 - 38 * k
        tissue[row - 33:row - 5, 110:146] = 1
        tissue[row - 5:row + 5, 110:146] = DISC
        level[row - 5:row + 5, 110:146] = k
    sacrum = sacrum_map((tissue == DISC) & (level == 0), (tissue == DISC) & (level == 1), tissue > 0)
    image[(tissue == 1) | (sacrum > 0)] = 0.6
    return image, np.stack([tissue, level, sacrum])


@pytest.mark.parametrize('seed', range(10))
def test_it_lies_between_the_ends_and_is_named_so(seed, monkeypatch) -> None:
    monkeypatch.setattr(residual, 'SQUARED_SHARE', 0)
    monkeypatch.setattr(residual, 'WHOLE_SHARE', 0)
    image, maps = spine()
    out, (tissue, named, sacrum) = residual_disc(np.random.default_rng(seed), image, maps, ENDS, MM)
    rows, cols = np.nonzero((named == BELOW) & (maps[1] != BELOW))
    assert len(rows) > 40 and abs(rows.mean() - 214) < 4 and abs(cols.mean() - 128) < 8
    assert 15 < np.ptp(cols) < 38
    assert (maps[0][rows, cols] == BACKGROUND).all(), 'no labelled vertebra, canal or disc is painted over'
    assert out[rows, cols].mean() < 0.35, 'as dark as the discs, not as bright as the bone'
    labelled = maps[0] > 0
    assert np.array_equal(out[labelled], image[labelled]) and np.array_equal(named[labelled], maps[1][labelled])
    assert np.array_equal(tissue, maps[0]) and np.array_equal(sacrum, maps[2])


def test_a_squared_sacrum_is_deeper_at_s2_and_the_lumbar_spine_stays(monkeypatch) -> None:
    monkeypatch.setattr(residual, 'SQUARED_SHARE', 1)
    image, maps = spine()
    _, (tissue, level, sacrum) = residual_disc(np.random.default_rng(3), image, maps, ENDS, MM)
    assert (sacrum[214] > 0).sum() >= 1.1 * (maps[2][214] > 0).sum()
    above = slice(0, 150)
    assert np.array_equal(tissue[above], maps[0][above]) and np.array_equal(level[above], maps[1][above])


def test_without_a_disc_to_copy_nothing_is_drawn() -> None:
    image, maps = spine()
    bare = np.where(maps == DISC, 0, maps)
    out, kept = residual_disc(np.random.default_rng(1), image, bare, ENDS, MM)
    assert out is image and kept is bare


def test_the_marks_are_of_known_patients_and_as_long_as_sacra_are_deep() -> None:
    folds = json.loads(Path(residual.__file__).with_name('folds.json').read_text())
    known = {patient for held in folds.values() for patient in held}
    assert set(S1_S2) <= known and len(S1_S2) == 25
    depths = [np.hypot(*np.subtract(*ends)) * MM for ends in S1_S2.values()]
    assert 13 < min(depths) and max(depths) < 36

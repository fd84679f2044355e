"""Naming discs in a volume; the material needs no real data here: masks are drawn."""
import json
import os

import numpy as np
import pytest

from calcidisc_training.spine import folds as folds_module
from calcidisc_training.spine.folds import FOLDS, make_folds, split
from calcidisc_training.spine.levels import ABOVE, BELOW, DISC, IGNORE
from calcidisc_training.spine.sacrum import sacrum_map
from calcidisc_training.spine.spider import HELD_OUT, chain_is_plausible, disc_bodies, halve_labels, level_volume, make_slice

ROWS = (500, 424, 350, 274, 200, 130, 60)


def drawn(slices=6):
    discs = np.zeros((slices, 640, 512), bool)
    for row in ROWS:
        discs[:, row - 8:row + 8, 230:290] = True
    return discs


def test_a_disc_in_two_pieces_is_one_disc() -> None:
    discs = drawn()
    discs[3, :, 255:262] = False
    discs[4, :, 255:262] = False
    labels, centres = disc_bodies(discs)
    assert len(centres) == len(ROWS)
    assert set(np.unique(labels[3, 500])) == {0, 1}


def test_a_disc_missing_from_some_slices_does_not_shift_the_names_of_the_others() -> None:
    discs = drawn()
    discs[3:, 480:520] = False
    labels, _ = disc_bodies(discs)
    assert set(np.unique(labels[5, 424])) == {0, 2}


def test_a_loose_fragment_takes_no_name() -> None:
    discs = drawn()
    discs[:, 466:470, 300:310] = True
    _, centres = disc_bodies(discs)
    assert len(centres) == len(ROWS)


def test_a_missing_disc_makes_the_chain_implausible() -> None:
    assert chain_is_plausible([(r, 260) for r in ROWS])
    assert not chain_is_plausible([(r, 260) for r in ROWS if r != 350])


def test_levels_above_l1_l2_share_a_class() -> None:
    assert level_volume(np.arange(9, dtype=np.uint8)).tolist() == [IGNORE, 0, 1, 2, 3, 4, ABOVE, ABOVE, ABOVE]


def test_halving_labels_keeps_the_majority() -> None:
    assert halve_labels(np.array([[3, 3, 0, 3], [3, 1, 0, 0]], np.uint8)).tolist() == [[3, 0]]


def test_the_sacrum_lies_below_the_lowest_disc_and_on_nothing_labelled() -> None:
    tilt = np.deg2rad(35)
    rows, cols = np.indices((320, 256))
    def disc(r, c):
        along = (cols - c) * np.cos(tilt) - (rows - r) * np.sin(tilt)
        down = (rows - r) * np.cos(tilt) + (cols - c) * np.sin(tilt)
        return (np.abs(along) < 18) & (np.abs(down) < 5)
    lowest, above = disc(230, 130), disc(195, 118)
    taken = lowest | above
    sacrum = sacrum_map(lowest, above, taken)
    centre = np.argwhere(sacrum == 1).mean(0)
    assert centre[0] > 245 and centre[1] > 135
    assert not (sacrum[taken] > 0).any()


def test_without_l5_s1_no_sacrum_is_drawn() -> None:
    none = np.zeros((320, 256), bool)
    assert not sacrum_map(none, none, none).any()


def test_level_map_names_discs_and_the_sacrum_only() -> None:
    mask, level = np.zeros((640, 512), np.uint8), np.full((640, 512), IGNORE, np.uint8)
    for k, row in enumerate(ROWS):
        mask[row - 8:row + 8, 230:290] = 29
        level[row - 8:row + 8, 225:295] = min(k, ABOVE)
    one = make_slice(np.zeros((640, 512), np.uint8), mask, level, patient=1, number=1, lowest=(250, 130), middle=(150, 130))
    assert set(np.unique(one.level[one.tissue == DISC])) == set(range(ABOVE + 1))
    assert set(np.unique(one.level[one.tissue != DISC])) <= {BELOW, IGNORE}
    assert (one.level == BELOW).any()


def test_every_patient_is_held_out_once_and_never_trained_on_in_that_fold() -> None:
    patients = list(range(1, 20)) + list(HELD_OUT)
    folds = make_folds(patients)
    assert sorted(p for held in folds.values() for p in held) == sorted(patients)
    assert folds[0] == sorted(HELD_OUT)
    for k in range(FOLDS):
        train, held = split(patients, k)
        assert not set(train) & set(held) and len(train) + len(held) == len(patients)


def test_folds_do_not_depend_on_the_order_of_patients() -> None:
    assert make_folds([5, 9, 57, 3, 81]) == make_folds([81, 3, 57, 9, 5])


def test_a_folder_without_slices_is_an_error(tmp_path) -> None:
    from calcidisc_training.spine.spider import patients_in
    with pytest.raises(FileNotFoundError):
        patients_in(str(tmp_path))


def test_the_folds_file_is_what_the_code_makes() -> None:
    path = os.path.join(os.path.dirname(folds_module.__file__), 'folds.json')
    with open(path, encoding='utf-8') as f:
        kept = {int(k): held for k, held in json.load(f).items()}
    assert kept == make_folds([p for held in kept.values() for p in held])

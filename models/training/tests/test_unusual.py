"""Slipped, steep, pressed and fused spines keep their levels' names; exported pictures keep their size; ONNX files go back."""
import os

import numpy as np
import pytest
import torch
from test_residual_disc import MM, spine

from calcidisc_training.common.runtime import open_session
from calcidisc_training.localiser import unusual_picture, unusual_spine
from calcidisc_training.localiser.onnx_weights import from_onnx
from calcidisc_training.spine.levels import DISC, IGNORE, VERTEBRA
from calcidisc_training.spine.sacrum import disc_axes

HERE = os.path.dirname(os.path.abspath(__file__))
LOCALISER = os.path.join(HERE, '..', '..', 'localiser', '4', 'model.onnx')


def centre(maps, level):
    return np.argwhere((maps[0] == DISC) & (maps[1] == level)).mean(0)


@pytest.mark.parametrize('seed', range(6))
def test_a_slip_moves_what_lies_above_forwards_and_nothing_below(seed):
    image, maps = spine()
    out, moved = unusual_spine.slip(np.random.default_rng(seed), image, maps, MM)
    steps = [centre(moved, k) - centre(maps, k) for k in range(4)]
    assert -17 < steps[3][1] < -3 and abs(steps[3][0]) < 1, 'the top disc lies 4 to 15 mm in front'
    assert np.array_equal(moved[0][200:], maps[0][200:]) and out.shape == image.shape
    assert set(np.unique(moved[1])) == set(np.unique(maps[1])), 'every level is there still'


@pytest.mark.parametrize('seed', range(4))
def test_a_steep_sacrum_leans_backwards_and_the_spine_above_stays(seed):
    image, maps = spine()
    _, bent = unusual_spine.steep(np.random.default_rng(seed), image, maps, MM)
    along = disc_axes((bent[0] == DISC) & (bent[1] == 0))[1]
    # Rows first: the front end of a steep disc lies lower, so that its direction to posterior points upwards.
    assert along[0] < -0.05
    assert np.array_equal(bent[:, :120], maps[:, :120])


def test_a_collapsed_disc_is_flatter_and_keeps_its_name():
    image, maps = spine()
    rng = np.random.default_rng(1)
    level = int(np.random.default_rng(1).integers(5))
    _, flat = unusual_spine.collapsed(rng, image, maps, MM)
    before, after = ((m[1] == level).sum() for m in (maps, flat))
    assert 0.2 * before < after < 0.8 * before


@pytest.mark.parametrize('seed', range(8))
def test_a_fused_disc_is_bone_where_nothing_is_left_and_else_keeps_its_name(seed):
    image, maps = spine()
    level = int(np.random.default_rng(seed).integers(5))
    out, fused = unusual_spine.fused(np.random.default_rng(seed), image, maps, MM)
    if level == 4:
        return        # none in this picture
    was = (maps[0] == DISC) & (maps[1] == level)
    is_gone = (fused[0][was] == VERTEBRA).all() and (fused[1][was] == IGNORE).all()
    assert is_gone or np.array_equal(fused, maps)
    assert out[was].mean() > image[was].mean() + 0.1, 'as bright as bone, or nearly'


@pytest.mark.parametrize('change', [unusual_picture.eight_bits, unusual_picture.jpeg, unusual_picture.rim, unusual_picture.corner])
def test_an_exported_picture_keeps_its_size_and_is_finite(change):
    image = np.random.default_rng(0).normal(size=(120, 97)).astype(np.float32)
    out = change(np.random.default_rng(1), image)
    assert out.shape == image.shape and np.isfinite(out).all() and not np.array_equal(out, image)


def test_a_written_network_goes_back_into_pytorch_with_the_same_answers():
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 1, 96, 64)).astype(np.float32))
    model = from_onnx(LOCALISER, images)
    with torch.no_grad():
        mine = model(images[:2])
    theirs = open_session(LOCALISER).run(['tissue', 'level'], {'image': images[:2].numpy()})
    assert max(np.abs(a.numpy() - b).max() for a, b in zip(mine, theirs)) < 1e-3
    again = from_onnx(LOCALISER, images).train()(images)[0]
    with torch.no_grad():
        assert (again - model(images)[0]).abs().mean() < 0.5 * model(images)[0].abs().mean(), 'by the batch too, nearly'

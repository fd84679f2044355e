"""Training samples: labels move with the image, names are withdrawn where the sacrum is not seen."""
import numpy as np
import pytest

from calcidisc_training.localiser import augment
from calcidisc_training.localiser.clutter import clutter, off_spine
from calcidisc_training.localiser.contrast import MODES
from calcidisc_training.localiser.degrade import degrade
from calcidisc_training.localiser.normalise import normalise, pad
from calcidisc_training.localiser.synthetic_spine import synthetic_spine
from calcidisc_training.localiser.warp import CANVAS, apply_warp, locate, random_warp
from calcidisc_training.spine.levels import BELOW, DISC, IGNORE, OFF_SPINE, UNKNOWABLE
from calcidisc_training.spine.spider import Slice

ROWS = (250, 212, 175, 137, 100, 65)


def drawn_slice():
    tissue, level = np.zeros((320, 256), np.uint8), np.full((320, 256), IGNORE, np.uint8)
    for k, row in enumerate(ROWS):
        tissue[row - 5:row + 5, 115:150] = DISC
        level[row - 5:row + 5, 115:150] = k
        tissue[row - 32:row - 6, 115:150] = 1
    image = np.random.default_rng(0).random((320, 256)).astype(np.float32) * 0.1
    image[tissue == DISC] = 0.8
    return Slice(1, 1, image, tissue, level, np.zeros_like(tissue), lowest=(250.0, 132.0), middle=(157.0, 132.0))


@pytest.mark.parametrize('seed', range(8))
def test_labels_move_with_the_image(seed) -> None:
    one, rng = drawn_slice(), np.random.default_rng(seed)
    image, (tissue, _) = apply_warp(random_warp(rng, one.middle), one.image, np.stack([one.tissue, one.level]))
    disc = tissue == DISC
    assert disc.sum() > 300
    assert image[disc].mean() > 0.65 and image[~disc].mean() < 0.2


@pytest.mark.parametrize('seed', range(8))
def test_a_point_of_the_slice_is_found_again_on_the_canvas(seed) -> None:
    warp = random_warp(np.random.default_rng(seed), (157.0, 132.0))
    row, col = locate(warp, (200.0, 130.0))
    assert np.hypot(*np.subtract(warp.source(row, col), (200.0, 130.0))) < 3


@pytest.mark.parametrize('below_mm, expected', [(-20, UNKNOWABLE), (8, IGNORE), (30, 2)])
def test_names_depend_on_how_much_is_seen_below_l5_s1(below_mm, expected) -> None:
    level = np.array([[2, BELOW]], np.uint8)
    out = augment.level_target(level, bottom=200, lowest=200 - below_mm, mm_per_px=1.0)
    assert out.tolist() == [[expected, BELOW]]


@pytest.mark.parametrize('mode', [m for m, _ in MODES], ids=lambda m: m.__name__)
def test_every_contrast_keeps_discs_apart_from_vertebrae(mode) -> None:
    one, apart = drawn_slice(), []
    for seed in range(12):
        image = mode(np.random.default_rng(seed), one.image, one.tissue, one.sacrum)
        assert image.shape == one.image.shape and np.isfinite(image).all()
        apart.append(abs(np.median(image[one.tissue == DISC]) - np.median(image[one.tissue == 1])) / np.ptp(image))
    assert np.median(apart) > 0.05


def test_contrast_shares_add_up() -> None:
    assert sum(share for _, share in MODES) == pytest.approx(1)


@pytest.mark.parametrize('seed', range(12))
def test_samples_are_finite_and_labels_known(seed) -> None:
    image, tissue, level = augment.sample(np.random.default_rng(seed), [drawn_slice()] * 3, 1)
    assert image.shape == tissue.shape == level.shape == CANVAS
    assert np.isfinite(image).all() and np.abs(image).max() <= 2
    assert set(np.unique(tissue)) <= {0, 1, 2, 3}
    assert set(np.unique(level)) <= set(range(BELOW + 1)) | {OFF_SPINE, UNKNOWABLE, IGNORE}


def test_the_same_seed_draws_the_same_sample() -> None:
    draw = [augment.sample(np.random.default_rng([3, 4]), [drawn_slice()], 0)[0] for _ in range(2)]
    assert np.array_equal(*draw)


@pytest.mark.parametrize('seed', range(5))
def test_a_drawn_spine_has_its_discs_in_order(seed) -> None:
    _, tissue, level, lowest, upper, _ = synthetic_spine(np.random.default_rng(seed))
    rows = [np.argwhere(level == k)[:, 0].mean() for k in range(5) if (level == k).sum() > 30]
    assert rows == sorted(rows, reverse=True) and len(rows) >= 4
    assert (tissue[level < BELOW] == DISC).mean() > 0.95
    assert upper < lowest


def test_degrading_keeps_the_shape() -> None:
    one = drawn_slice()
    for seed in range(30):
        out = degrade(np.random.default_rng(seed), one.image, one.tissue)
        assert out.shape == one.image.shape and np.isfinite(out).all()


def test_normalisation_ignores_scale_and_offset_and_padding_is_black() -> None:
    image = np.random.default_rng(1).random((50, 70))
    assert np.allclose(normalise(image), normalise(image * 900 - 1000), atol=1e-4)
    padded = pad(normalise(image))
    assert padded.shape == (64, 96) and padded[-1, -1] == -2 and padded[:50, :70].min() == -2


def test_clutter_leaves_the_spine_alone() -> None:
    one = drawn_slice()
    far = off_spine(one.tissue, one.sacrum)
    assert far.any() and not far[one.tissue > 0].any()
    for seed in range(10):
        out = clutter(np.random.default_rng(seed), one.image, one.tissue, far)
        inner = one.tissue > 0
        assert np.abs(out - one.image)[inner].mean() < 0.05 and np.abs(out - one.image)[far].mean() > 0

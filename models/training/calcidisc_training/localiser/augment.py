"""One training sample from one slice: geometry, field of view, contrast, degradation, normalisation."""
import numpy as np

from ..spine.levels import BACKGROUND, BELOW, DISC, IGNORE, OFF_SPINE, UNKNOWABLE
from ..spine.residual_disc import S1_S2, residual_disc
from ..spine.residual_disc import SHARE as RESIDUAL_SHARE
from ..spine.spacing import SPACING_MM
from .clutter import clutter, off_spine
from .contrast import random_contrast
from .degrade import degrade
from .normalise import MEAN, STD, normalise
from .synthetic_spine import synthetic_spine
from .unusual_picture import unusual_picture
from .unusual_spine import SHARE as UNUSUAL_SHARE
from .unusual_spine import unusual_spine
from .warp import CANVAS, apply_warp, locate, random_warp

PHANTOM_SHARE = 0.08
CLUTTER_SHARE = 0.4
UNSEEN_MM, SEEN_MM = 3.0, 14.0
"""Picture left below the L5-S1 centre: under the first the level cannot be known, over the second it can."""


def slab(rng, slices, index) -> np.ndarray:
    """The slice, or (one time in five) the mean of two to five neighbours: a thicker slice."""
    if rng.random() < 0.8:
        return slices[index].image
    reach = rng.integers(1, 3)
    return np.mean([s.image for s in slices[max(0, index - reach):index + reach + 1]], 0)


def field_of_view(rng, lowest, upper) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of what the scanner saw, canvas pixels; mostly the whole canvas.

    lowest: canvas row of the L5-S1 disc; upper: about the row of the L1-L2 disc.
    """
    h, w = CANVAS
    top, bottom, left, right = 0, h, 0, w
    if rng.random() < 0.3:         # the sacrum cut off, or nearly
        bottom = lowest + (rng.uniform(12, 45) if rng.random() < 0.4 else rng.uniform(-0.6 * (lowest - upper), 30))
    if rng.random() < 0.15:
        top = rng.uniform(upper - 20, lowest - 0.3 * (lowest - upper))
    if rng.random() < 0.1:
        left = rng.uniform(0, 50)
    if rng.random() < 0.1:
        right = w - rng.uniform(0, 40)
    top, bottom = int(np.clip(top, 0, h - 96)), int(np.clip(bottom, 96, h))
    return (top, bottom, int(left), int(right)) if bottom - top >= 80 else (0, bottom, int(left), int(right))


def level_target(level, bottom, lowest, mm_per_px) -> np.ndarray:
    """Level map with the discs' names withdrawn where the picture ends at or above the L5-S1 disc."""
    below_mm = (bottom - lowest) * mm_per_px
    if below_mm >= SEEN_MM:
        return level
    out = level.copy()
    out[level < BELOW] = UNKNOWABLE if below_mm < UNSEEN_MM else IGNORE
    return out


def crop(rng, window, image, tissue, level) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outside the window the picture is black and holds nothing; inside it is normalised by itself."""
    top, bottom, left, right = window
    seen = np.full(image.shape, (0 - MEAN) / STD, np.float32)
    seen[top:bottom, left:right] = normalise(unusual_picture(rng, image[top:bottom, left:right]))
    outside = np.ones(image.shape, bool)
    outside[top:bottom, left:right] = False
    tissue[outside], level[outside] = BACKGROUND, IGNORE
    return seen, tissue, level


def around(rng, image, tissue, level, sacrum) -> tuple[np.ndarray, np.ndarray]:
    """(image, level) with clutter off the spine and, where the slice's names are trusted, "no disc" said there."""
    far = off_spine(tissue, sacrum)
    if rng.random() < CLUTTER_SHARE:
        image = clutter(rng, image, tissue, far)
    if (level == BELOW).any():
        level = np.where(far & (level == IGNORE), OFF_SPINE, level).astype(np.uint8)
    return image, level


def real_sample(rng, slices, index) -> tuple:
    """(image, tissue, level, lowest row, upper row, mm per pixel) on the canvas."""
    one = slices[index]
    warp = random_warp(rng, one.middle)
    image, (tissue, level, sacrum) = apply_warp(warp, slab(rng, slices, index), np.stack([one.tissue, IGNORE - one.level, one.sacrum]))
    image, _ = random_contrast(rng, image, tissue, sacrum)
    maps, mm_per_px = np.stack([tissue, IGNORE - level, sacrum]), warp.scale() * SPACING_MM
    if one.patient in S1_S2 and rng.random() < RESIDUAL_SHARE:
        ends = [locate(warp, point) for point in S1_S2[one.patient]]
        image, maps = residual_disc(rng, image, maps, ends, mm_per_px)
    if rng.random() < UNUSUAL_SHARE:
        image, maps = unusual_spine(rng, image, maps, mm_per_px)
    tissue, level, sacrum = maps
    lowest = lowest_row(tissue, level, locate(warp, one.lowest)[0])
    upper = locate(warp, (2 * one.middle[0] - one.lowest[0], one.middle[1]))[0]
    image, level = around(rng, image, tissue, level, sacrum)
    return image, tissue, level, lowest, upper, mm_per_px


def lowest_row(tissue, level, otherwise) -> float:
    """The canvas row of L5-S1's centre as the picture has it now; `otherwise` where the slice does not show the disc."""
    rows = np.nonzero((tissue == DISC) & (level == 0))[0]
    return rows.mean() if len(rows) else otherwise


def sample(rng, slices, index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image [H, W] float32, tissue [H, W] uint8, level [H, W] uint8) ready for the network."""
    make = synthetic_spine(rng) if rng.random() < PHANTOM_SHARE else real_sample(rng, slices, index)
    image, tissue, level, lowest, upper, mm_per_px = make
    image = degrade(rng, image, tissue)
    window = field_of_view(rng, lowest, upper)
    level = level_target(level, window[1], lowest, mm_per_px)
    image, tissue, level = crop(rng, window, image, tissue, level)
    level[(tissue == DISC) & (level == BELOW)] = IGNORE
    return image, tissue, level

"""Fixed alterations of a slice under which the localiser is measured: Slice -> image [H', W] at 0.94 mm."""
import numpy as np
from scipy import ndimage as ndi

from ..spine.spacing import SPACING_MM
from .contrast import t1_like


def plain(one) -> np.ndarray:
    return one.image


def inverted(one) -> np.ndarray:
    return one.image.max() - one.image


def t1(one) -> np.ndarray:
    return t1_like(np.random.default_rng([one.patient, one.number]), one.image, one.tissue, one.sacrum)


def coarse(one) -> np.ndarray:
    """As if scanned at 1.3 mm in plane."""
    small = ndi.zoom(ndi.gaussian_filter(one.image, 0.4), SPACING_MM / 1.3, order=1)
    return ndi.zoom(small, np.array(one.image.shape) / np.array(small.shape), order=1)


def noisy(one) -> np.ndarray:
    rng = np.random.default_rng([one.patient, one.number])
    return np.abs(one.image + rng.normal(0, 0.06, one.image.shape))


def sacrum_cut(one) -> np.ndarray:
    """The picture ends 4 mm above the centre of L5-S1."""
    return one.image[:max(64, int(one.lowest[0] - 4 / SPACING_MM))]


VARIANTS = {f.__name__.replace('_', '-'): f for f in (plain, inverted, t1, coarse, noisy, sacrum_cut)}

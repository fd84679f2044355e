"""A residual S1-S2 disc, painted from one of the spine's own discs: what a network must not take for L5-S1.

Up to a fifth of adults keep a disc between S1 and S2 that can be seen on MR, mostly shorter than the sacrum is deep
there (types 2 and 3 of O'Driscoll et al., Skeletal Radiol 25:225, 1996). A network that has seen none names the spine
from that disc, and every level lies one too low. The published masks leave these discs out, and few patients have one.
"""
import numpy as np
from scipy import ndimage as ndi

from .levels import BACKGROUND, BELOW, DISC
from .sacrum import disc_axes

SHARE = 0.4
"""Of the real samples with a sacrum in sight."""
DISTANCE_MM = (28.0, 40.0)     # centre of L5-S1 to centre of S1-S2
LENGTH, HEIGHT = (0.4, 0.85), (0.5, 1.0)      # of the disc it is copied from
TURN_DEG = (-8.0, 22.0)        # against L5-S1, the way the sacrum bends
SIDE_MM = 3.0
MIN_DISC_PX = 60


def frame(rng, lowest, mm_per_px):
    """(centre, along, normal) of the disc to be: below L5-S1 and turned with the sacrum. All (row, col)."""
    centre, along, normal, _ = disc_axes(lowest)
    down, side = rng.uniform(*DISTANCE_MM) / mm_per_px, rng.normal(0, SIDE_MM) / mm_per_px
    # The sacrum bends backwards: half of the disc's own turn has happened on the way to it.
    turn = np.deg2rad(rng.uniform(*TURN_DEG))
    place = centre + turned(normal, along, turn / 2) * down + along * side
    return place, turned(along, -normal, turn), turned(normal, along, turn)


def turned(vector, towards, angle):
    return np.cos(angle) * vector + np.sin(angle) * towards


def residual_disc(rng, image, tissue, level, sacrum, mm_per_px):
    """(image, level) with a copy of a disc below L5-S1, or as they came where that is not whole in the picture.

    image [H, W] float32; tissue, level, sacrum [H, W] uint8 maps. The copy is named "S1-S2 or not a disc", and stays
    what the tissue map says it is: the masks hold no such discs.
    """
    lowest = (tissue == DISC) & (level == 0)
    whole = [k for k in range(4) if ((tissue == DISC) & (level == k)).sum() >= MIN_DISC_PX]
    if lowest.sum() < MIN_DISC_PX or not (sacrum == 1).any():
        return image, level
    source = (tissue == DISC) & (level == whole[rng.integers(len(whole))])
    place, along, normal = frame(rng, lowest, mm_per_px)
    from_centre, from_along, from_normal, _ = disc_axes(source)
    rows, cols = np.indices(image.shape, dtype=np.float32)
    off = np.stack([rows - place[0], cols - place[1]])
    t = np.tensordot(along, off, 1) / rng.uniform(*LENGTH)
    s = np.tensordot(normal, off, 1) / rng.uniform(*HEIGHT)
    at = from_centre[:, None, None] + from_along[:, None, None] * t + from_normal[:, None, None] * s
    soft = ndi.gaussian_filter(ndi.binary_dilation(source).astype(np.float32), 0.8)
    cover = ndi.map_coordinates(soft, at, order=1, cval=0) * (tissue == BACKGROUND)
    if (cover > 0.5).sum() < MIN_DISC_PX / 3:
        return image, level
    shown = ndi.map_coordinates(image, at, order=1, mode='nearest')
    out = image * (1 - cover) + shown * cover
    return out.astype(np.float32), np.where(cover > 0.5, BELOW, level).astype(np.uint8)

"""Spines that are named wrongly by looks alone: slips, steep sacra, collapsed and fused discs. Real anatomy, bent.

Each takes and gives (image [H, W] float32, maps [3, H, W] uint8: tissue, level, sacrum) on the canvas and leaves the
names as they are: levels are counted, whatever a disc looks like.
"""
import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import DISC, IGNORE, VERTEBRA
from ..spine.residual_disc import MIN_DISC_PX, Frame
from ..spine.sacrum import disc_axes

SHARE = 0.3
"""Of the real samples; each of these gets one or two of the changes below."""
SLIP_MM, SLIP_OVER_MM = (4.0, 15.0), 3.0      # vertebrae above a disc forwards, over so much of its height
STEEP_DEG, STEEP_OVER_MM = (8.0, 30.0), 60.0  # what lies below L4-L5 backwards, by and by
SQUEEZE, SQUEEZE_MM = (0.4, 1.6), (5.0, 25.0)  # how much flatter a disc becomes; reach along its normal and itself
FUSED_WHOLLY = 0.5             # of the fused discs leave no trace; of others a shade is left
PLATE_MM = 3.0                 # bone that covers a fused disc comes from beyond its end plates


def resampled(image, maps, points) -> tuple[np.ndarray, np.ndarray]:
    """Image and maps at points (row, col) [2, H, W]; outside there is nothing and no statement."""
    # Level maps count down from IGNORE, so that what lies outside the picture is that.
    near = [ndi.map_coordinates(m, points, order=0, cval=0) for m in (maps[0], IGNORE - maps[1], maps[2])]
    grey = ndi.map_coordinates(image, points, order=1, mode='nearest')
    return grey.astype(np.float32), np.stack([near[0], IGNORE - near[1], near[2]])


def frame_of(maps, level) -> tuple[Frame, float] | None:
    """(Frame, half length in pixels) of a disc, or None where too little of it is seen."""
    disc = (maps[0] == DISC) & (maps[1] == level)
    if disc.sum() < MIN_DISC_PX:
        return None
    centre, along, normal, reach = disc_axes(disc)
    return Frame(centre, along, normal), reach


def slip(rng, image, maps, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """The spine above L5-S1 or L4-L5 lies farther in front."""
    found = frame_of(maps, int(rng.choice(2, p=[0.65, 0.35])))
    if found is None:
        return image, maps
    t, s = found[0].coordinates(image.shape)
    above = 1 / (1 + np.exp(s * mm_per_px / SLIP_OVER_MM * 2))
    return resampled(image, maps, found[0].points(t + rng.uniform(*SLIP_MM) / mm_per_px * above, s))


def steep(rng, image, maps, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """L5 and the sacrum lean backwards, the more the lower."""
    found = frame_of(maps, 1)
    if found is None:
        return image, maps
    t, s = found[0].coordinates(image.shape)
    share = np.clip(s * mm_per_px / STEEP_OVER_MM, 0, 1)
    angle = -np.deg2rad(rng.uniform(*STEEP_DEG)) * share * share * (3 - 2 * share)
    return resampled(image, maps, found[0].points(t * np.cos(angle) + s * np.sin(angle), s * np.cos(angle) - t * np.sin(angle)))


def collapsed(rng, image, maps, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """A disc and its end plates pressed flat."""
    found = frame_of(maps, int(rng.integers(5)))
    if found is None:
        return image, maps
    t, s = found[0].coordinates(image.shape)
    up, beyond = SQUEEZE_MM
    fade = np.exp(-0.5 * np.square(s * mm_per_px / up) - 0.5 * np.square(t * mm_per_px / beyond))
    return resampled(image, maps, found[0].points(t, s * (1 + rng.uniform(*SQUEEZE) * fade)))


def fused(rng, image, maps, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """Bone where a disc was: its neighbours' own, mirrored over the end plates. A disc of which nothing is left is bone."""
    level = int(rng.integers(5))
    found = frame_of(maps, level)
    if found is None:
        return image, maps
    t, s = found[0].coordinates(image.shape)
    tissue, named, sacrum = maps
    disc = (tissue == DISC) & (named == level)
    height = np.percentile(np.abs(s[disc]), 95) + PLATE_MM / mm_per_px
    bone = ndi.map_coordinates(image, found[0].points(t, np.where(s < 0, -2 * height - s, 2 * height - s)), order=1, mode='nearest')
    is_whole = rng.random() < FUSED_WHOLLY
    plate = ndi.binary_dilation(disc, iterations=max(1, round(PLATE_MM / mm_per_px)))
    cover = ndi.gaussian_filter(plate.astype(np.float32), 1.0) * (1 if is_whole else rng.uniform(0.4, 0.8))
    out = (image * (1 - cover) + bone * cover).astype(np.float32)
    if not is_whole:
        return out, maps
    return out, np.stack([np.where(disc, VERTEBRA, tissue), np.where(disc, IGNORE, named), sacrum]).astype(np.uint8)


CHANGES = (slip, steep, collapsed, fused)


def unusual_spine(rng, image, maps, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """One or two of the changes, in the order of CHANGES."""
    count = 1 if rng.random() < 0.7 else 2
    for at in sorted(rng.choice(len(CHANGES), count, replace=False)):
        image, maps = CHANGES[at](rng, image, maps, mm_per_px)
    return image, maps

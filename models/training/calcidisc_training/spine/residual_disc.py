"""A residual S1-S2 disc, painted from one of the spine's own discs: what a network must not take for L5-S1.

Most adults keep a trace of the disc between S1 and S2, and up to a fifth a disc that can be taken for a lumbar one, the
sacrum as deep there as S1 is above ("squared": O'Driscoll et al., Skeletal Radiol 25:225, 1996; Wigh, Radiology 134:369,
1980). A network that has seen none names the spine from that disc, and every level lies one too low. The published masks
leave these discs out, and few patients have one: so they are painted, and the sacrum squared, where S1 meets S2.

sacral_discs.json says where that is: [row, col] of the front and the back of the sacrum there, on the middle slice at
0.94 mm, marked by hand. Spines whose middle slice misses the sacrum's midline are left out.
"""
import json
import os
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from .levels import BACKGROUND, BELOW, DISC, IGNORE
from .sacrum import disc_axes

SHARE = 0.5
"""Of the real samples whose S1-S2 is known."""
LENGTH = (0.6, 1.08)           # of the depth of the sacrum there
HEIGHT = (0.3, 0.8)            # of the disc it is copied from
SQUARED_SHARE, SQUARING = 0.6, (0.1, 0.6)     # how much deeper the sacrum becomes
SQUARED_MM = (13.0, 22.0)      # its reach up and down the sacrum, and beyond its depth: standard deviations
WHOLE_SHARE = 0.3              # of the painted ones are as whole as a lumbar disc, in a sacrum squared by so much:
WHOLE_LENGTH, WHOLE_HEIGHT, WHOLE_SQUARING = (0.9, 1.08), (0.75, 1.1), (0.3, 0.7)
LENS_SHARE = 0.6               # of the discs taper to both ends
MARGIN_PX = (1, 6)             # end plates and bone that come along, at 0.94 mm
GREY = (0.5, 1.15)             # of the source's
SHIFT, TURN_DEG = 0.08, 6.0    # standard deviations: of the place, as a share of the depth, and of the direction
MIN_DISC_PX = 60

with open(os.path.join(os.path.dirname(__file__), 'sacral_discs.json'), encoding='utf-8') as _file:
    S1_S2 = {int(patient): tuple(map(tuple, ends)) for patient, ends in json.load(_file).items()}


@dataclass(frozen=True)
class Frame:
    """Where a disc lies: centre, unit vector to posterior and unit normal downwards, all (row, col) in pixels."""
    centre: np.ndarray
    along: np.ndarray
    normal: np.ndarray

    def coordinates(self, shape) -> tuple[np.ndarray, np.ndarray]:
        """(t, s) [H, W]: along the disc and along its normal, from its centre."""
        rows, cols = np.indices(shape, dtype=np.float32)
        off = np.stack([rows - self.centre[0], cols - self.centre[1]])
        return np.tensordot(self.along, off, 1), np.tensordot(self.normal, off, 1)

    def points(self, t, s) -> np.ndarray:
        """(row, col) [2, H, W] of those coordinates."""
        return self.centre[:, None, None] + self.along[:, None, None] * t + self.normal[:, None, None] * s


def frame_between(front, back, shift=0.0, turn=0.0) -> tuple[Frame, float]:
    """(Frame, depth in pixels) of a disc between two points (row, col); shift along it as a share, turn in radians."""
    front, back = np.array(front, np.float64), np.array(back, np.float64)
    depth = np.hypot(*(back - front))
    angle = np.arctan2(*(back - front)) + turn
    along = np.array([np.sin(angle), np.cos(angle)])
    return Frame((front + back) / 2 + along * shift * depth, along, np.array([along[1], -along[0]])), depth


def residual_disc(rng, image, maps, ends, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """(image, maps) with a disc between S1 and S2, and mostly a squared sacrum; or as they came, without a whole disc.

    image [H, W] float32; maps [3, H, W] uint8: tissue, level, sacrum; ends: front and back of the sacrum at S1-S2,
    (row, col). The disc is named "S1-S2 or not a disc", and stays background in the tissue map, as the masks have it.
    """
    if sources_of(maps) == []:
        return image, maps
    front, back = ends
    is_whole = rng.random() < WHOLE_SHARE
    if is_whole or rng.random() < SQUARED_SHARE:
        gain = rng.uniform(*(WHOLE_SQUARING if is_whole else SQUARING))
        image, maps = squared(image, maps, frame_between(front, back)[0], gain, mm_per_px)
        front, back = spread(front, back, 1 + gain)
    return painted(rng, image, maps, front, back, is_whole)


def sources_of(maps) -> list:
    """Levels whose disc is whole enough to be copied."""
    return [k for k in range(4) if ((maps[0] == DISC) & (maps[1] == k)).sum() >= MIN_DISC_PX]


def spread(front, back, factor) -> tuple[np.ndarray, np.ndarray]:
    middle = (np.array(front) + np.array(back)) / 2
    return middle + (np.array(front) - middle) * factor, middle + (np.array(back) - middle) * factor


def squared(image, maps, at, gain, mm_per_px) -> tuple[np.ndarray, np.ndarray]:
    """The picture stretched along the disc to be, by 1 + gain at its place and less with distance from it."""
    t, s = at.coordinates(image.shape)
    up, beyond = SQUARED_MM
    fade = np.exp(-0.5 * np.square(s * mm_per_px / up) - 0.5 * np.square(t * mm_per_px / (up + beyond)))
    points = at.points(t / (1 + gain * fade), s)
    # Level maps count down from IGNORE, so that what lies outside the picture is that.
    near = [ndi.map_coordinates(m, points, order=0, cval=0) for m in (maps[0], IGNORE - maps[1], maps[2])]
    grey = ndi.map_coordinates(image, points, order=1, mode='nearest')
    return grey, np.stack([near[0], IGNORE - near[1], near[2]])


def painted(rng, image, maps, front, back, is_whole=False) -> tuple[np.ndarray, np.ndarray]:
    """(image, maps) with a copy of one of the spine's discs there, on what has no label of its own."""
    tissue, level, sacrum = maps
    whole = sources_of(maps)
    source = (tissue == DISC) & (level == whole[rng.integers(len(whole))])
    centre, along, normal, reach = disc_axes(source)
    at, depth = frame_between(front, back, rng.normal(0, SHIFT), np.deg2rad(rng.normal(0, TURN_DEG)))
    t, s = at.coordinates(image.shape)
    length, height = (WHOLE_LENGTH, WHOLE_HEIGHT) if is_whole else (LENGTH, HEIGHT)
    t, s = t / (rng.uniform(*length) * depth / (2 * reach)), s / rng.uniform(*height)
    if not is_whole and rng.random() < LENS_SHARE:
        s = s / np.sqrt(np.clip(1 - np.square(t / (1.05 * reach)), 0.04, 1))
    points = Frame(centre, along, normal).points(t, s)
    disc = (ndi.map_coordinates(source.astype(np.float32), points, order=1, cval=0) > 0.5) & (tissue == BACKGROUND)
    taken = ndi.binary_dilation(source, iterations=int(rng.integers(*MARGIN_PX)))
    cover = ndi.map_coordinates(ndi.gaussian_filter(taken.astype(np.float32), 0.8), points, order=1, cval=0)
    cover = cover * (tissue == BACKGROUND)
    shown = ndi.map_coordinates(image, points, order=1, mode='nearest')
    shown = np.where(disc, shown * rng.uniform(*GREY), shown)
    out = image * (1 - cover) + shown * cover
    return out.astype(np.float32), np.stack([tissue, np.where(disc, BELOW, level).astype(np.uint8), sacrum])

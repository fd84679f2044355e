"""SPIDER slices as training material: 0.94 mm images, tissue and level maps, one list per patient.

The published masks do not tell discs apart. A disc is taken as a body in the *volume* of a
patient's slices (a fragment in one slice is part of the same body two slices on), the bodies are
ordered from the sacrum up, and the order names them.
"""
import glob
import os
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage as ndi

from .levels import ABOVE, BACKGROUND, BELOW, CANAL, DISC, IGNORE, VERTEBRA
from .sacrum import sacrum_map

MASK_VALUES = {29: DISC, 76: VERTEBRA, 150: CANAL}

HELD_OUT = (57, 81, 107, 141, 234)
"""Patients no committed version-1 weights have seen: the real-input check runs on them."""

NO_LEVELS = (152,)
"""A severe slip; one disc is missing from the mask, so that names by order are wrong."""

MIN_BODY_VOXELS = 400          # about 80 mm3 at 0.47 x 0.47 x 0.9 mm: smaller bodies are fragments
SAME_DISC_ROWS, SAME_DISC_PX = 30, 80     # 14 mm in height, 37 mm in all: nearer than two discs can be
NEIGHBOUR_PX = (42, 122)       # centre distances of neighbouring lumbar discs, 20-57 mm


@dataclass(frozen=True)
class Slice:
    """One slice at 0.94 mm: image [H, W] float32 in 0..1, tissue, level and sacrum maps [H, W] uint8.

    lowest, middle: (row, col) of the patient's L5-S1 disc and of the discs' mean, pixels at 0.94 mm.
    """
    patient: int
    number: int
    image: np.ndarray
    tissue: np.ndarray
    level: np.ndarray
    sacrum: np.ndarray
    lowest: tuple
    middle: tuple


def slice_number(path) -> int:
    return int(re.search(r'slice(\d+)', path)[1])


def patients_in(folder) -> list[int] | None:
    """Patient numbers that have slices in `folder`/images, ascending."""
    names = (re.match(r'(\d+)_', os.path.basename(f)) for f in glob.glob(f'{folder}/images/*.png'))
    found = sorted({int(n[1]) for n in names if n})
    if not found:
        raise FileNotFoundError(f'no SPIDER slices in {folder}/images')
    return found


def read_volume(folder, patient) -> tuple[list[int], np.ndarray, np.ndarray]:
    """(numbers, images [S, H, W] uint8, masks [S, H, W] uint8) of one patient at 0.47 mm."""
    files = sorted(glob.glob(f'{folder}/images/{patient}_t2_SPACE_slice*.png'), key=slice_number)
    if not files:
        raise FileNotFoundError(f'no slices of patient {patient} in {folder}/images')
    grey = [np.array(Image.open(f).convert('L')) for f in files]
    mask = [np.array(Image.open(f.replace('/images/', '/masks/')).convert('L')) for f in files]
    return [slice_number(f) for f in files], np.stack(grey), np.stack(mask)


def disc_bodies(discs) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Label the discs of a volume from the lowest up: [S, H, W] bool -> [S, H, W] uint8 (0 none, 1 lowest).

    Bodies nearer to each other than two discs can be are one disc. Returns (labels, centres (row, col)).
    """
    parts, n = ndi.label(discs, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=n + 1)
    order = [i for i in np.argsort(-sizes[1:]) + 1 if sizes[i] >= MIN_BODY_VOXELS]
    centre = {i: np.array(c[1:]) for i, c in zip(order, ndi.center_of_mass(discs, parts, order))}
    groups = []
    for i in order:
        home = next((g for g in groups if is_same_disc(centre[g[0]], centre[i])), None)
        if home is None:
            groups.append([i])
        else:
            home.append(i)
    groups.sort(key=lambda g: -centre[g[0]][0])
    labels = np.zeros(discs.shape, np.uint8)
    for k, group in enumerate(groups):
        labels[np.isin(parts, group)] = k + 1
    return labels, [tuple(centre[g[0]]) for g in groups]


def is_same_disc(a, b) -> bool:
    return abs(a[0] - b[0]) < SAME_DISC_ROWS and np.hypot(*(a - b)) < SAME_DISC_PX


def chain_is_plausible(centres) -> bool:
    """Whether neighbouring disc centres of the lumbar spine (source pixels) lie as far apart as discs do."""
    steps = np.hypot(*np.diff(np.array(centres[:6]), axis=0).T)
    return len(centres) >= 5 and bool(np.all((steps >= NEIGHBOUR_PX[0]) & (steps <= NEIGHBOUR_PX[1])))


def level_volume(labels) -> np.ndarray:
    """Disc order labels -> level classes, IGNORE off the discs."""
    level = np.full(labels.shape, IGNORE, np.uint8)
    on = labels > 0
    level[on] = np.minimum(labels[on] - 1, ABOVE)
    return level


def halve_grey(image) -> np.ndarray:
    """0.47 mm -> 0.94 mm: the mean of each 2 x 2 block, 0..1."""
    h, w = (n // 2 * 2 for n in image.shape)
    return image[:h, :w].reshape(h // 2, 2, w // 2, 2).mean((1, 3), dtype=np.float32) / 255


def halve_labels(labels) -> np.ndarray:
    """0.47 mm -> 0.94 mm for labels: the most frequent value of each 2 x 2 block, the larger on a tie."""
    h, w = (n // 2 * 2 for n in labels.shape)
    quarter = np.sort(labels[:h, :w].reshape(h // 2, 2, w // 2, 2).transpose(1, 3, 0, 2).reshape(4, h // 2, w // 2), 0)
    low, mid, high, top = quarter
    return np.where(high == top, top, np.where(mid == high, high, np.where(low == mid, mid, top)))


def tissue_of(mask) -> np.ndarray:
    tissue = np.full(mask.shape, BACKGROUND, np.uint8)
    for value, name in MASK_VALUES.items():
        tissue[mask == value] = name
    return tissue


def load_patient(folder, patient) -> list[Slice]:
    """All slices of one patient as `Slice`s; level maps are IGNORE where names cannot be trusted."""
    numbers, grey, mask = read_volume(folder, patient)
    labels, centres = disc_bodies(mask == 29)
    trusted = patient not in NO_LEVELS and chain_is_plausible(centres)
    level = level_volume(labels) if trusted else np.full(mask.shape, IGNORE, np.uint8)
    lumbar = np.array(centres[:6]) / 2
    where = dict(lowest=tuple(lumbar[0]), middle=tuple(lumbar.mean(0)))
    return [make_slice(grey[i], mask[i], level[i], patient=patient, number=n, **where) for i, n in enumerate(numbers)]


def make_slice(grey, mask, level, **about) -> Slice:
    tissue, level = halve_labels(tissue_of(mask)), halve_labels(level)
    level[tissue != DISC] = IGNORE
    sacrum = sacrum_map(level == 0, level == 1, tissue != BACKGROUND)
    level[(sacrum > 0) & (tissue == BACKGROUND)] = BELOW
    return Slice(image=halve_grey(grey), tissue=tissue, level=level, sacrum=sacrum, **about)


def load_patients(folder, patients) -> dict:
    """{patient: [Slice]}"""
    return {p: load_patient(folder, p) for p in patients}

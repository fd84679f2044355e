"""Slices of a second scanner, T1 and T2, as training material; two of the people have a real disc between S1 and S2.

Sudirman et al., "Lumbar Spine MRI Dataset", Mendeley Data V2, doi 10.17632/k57fr854j2.2, CC BY 4.0. The slices have no
masks: discs and vertebrae are as an earlier localiser marks them, on the slices on which its names were looked at and
found right (sudirman.json), named in their order from the sacrum up. Which slice is whose is not known, so that these
pictures are trained on, and nothing is measured on them. The S1-S2 discs were marked by hand: [row, col] of front and
back in the stored picture.
"""
import csv
import json
import os

import numpy as np
from PIL import Image
from scipy import ndimage as ndi

from ..common import runtime
from ..spine.levels import ABOVE, BACKGROUND, BELOW, DISC, IGNORE
from ..spine.residual_disc import frame_between
from ..spine.sacrum import sacrum_map
from ..spine.spacing import SPACING_MM
from ..spine.spider import Slice
from .candidates import pieces_to_discs
from .normalise import normalise, pad

STORED_MM = {'T1': 0.875, 'T2': 0.73}
"""About: the pictures keep no spacing."""
DISC_MM = 4.0                  # half the height in which a marked S1-S2 disc lies
PERSON = -1                    # no patient of SPIDER

with open(os.path.join(os.path.dirname(__file__), 'sudirman.json'), encoding='utf-8') as _file:
    MARKS = json.load(_file)


def load_sudirman(folder, model) -> list[Slice]:
    """[Slice] of a folder with slices.csv and <slice>.png; model: a localiser's model.onnx, whose marks are taken."""
    session = runtime.open_session(model, 1)
    with open(os.path.join(folder, 'slices.csv'), encoding='utf-8', newline='') as f:
        weighting = {row['slice']: row['weighting'] for row in csv.DictReader(f)}
    slices = [load_slice(session, folder, name, STORED_MM[weighting[name]]) for name in MARKS['located']]
    return [one for one in slices if one is not None]


def load_slice(session, folder, name, stored_mm) -> Slice | None:
    """One Slice, or None where the marks do not make a row of five discs."""
    with Image.open(os.path.join(folder, f'{name}.png')) as picture:
        grey = np.array(picture.convert('L'), np.float32) / 255
    scale = stored_mm / SPACING_MM
    image = ndi.zoom(grey, scale, order=1, grid_mode=True, mode='nearest')
    h, w = image.shape
    logits, = session.run(['tissue'], {'image': pad(normalise(image))[None, None]})
    tissue = logits[0, :, :h, :w].argmax(0).astype(np.uint8)
    named = in_order(tissue)
    if (named == 4).sum() == 0:
        return None
    sacrum = sacrum_map(named == 0, named == 1, tissue != BACKGROUND)
    named[(sacrum > 0) & (tissue == BACKGROUND)] = BELOW
    if name in MARKS['s1s2']:
        front, back = (np.array(point) * scale for point in MARKS['s1s2'][name])
        at, depth = frame_between(front, back)
        t, s = at.coordinates(image.shape)
        residual = (np.abs(t) < depth / 2) & (np.abs(s) < DISC_MM / SPACING_MM)
        tissue[residual & (tissue == DISC) & (named > 0)] = BACKGROUND
        named[residual & (tissue == BACKGROUND)] = BELOW
    centre = {k: np.argwhere(named == k).mean(0) for k in range(5)}
    return Slice(patient=PERSON, number=int(name), image=image, tissue=tissue, level=named, sacrum=sacrum,
                 lowest=tuple(centre[0]), middle=tuple(np.mean(list(centre.values()), 0)))


def in_order(tissue) -> np.ndarray:
    """Level map [H, W]: the discs named from the lowest up; IGNORE elsewhere."""
    level = np.full(tissue.shape, IGNORE, np.uint8)
    for k, points in enumerate(pieces_to_discs(*ndi.label(tissue == DISC))):
        level[tuple(points.T)] = min(k, ABOVE)
    return level

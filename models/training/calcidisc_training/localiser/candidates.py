"""From the network's two maps to discs: a plain reading, used to measure weights, not the agent's chain model."""
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import ABOVE, DISC, LEVELS
from ..spine.spacing import SPACING_MM

MIN_AREA_MM2 = 30.0
SAME_DISC_ROWS_MM, SAME_DISC_MM = 12.0, 32.0


@dataclass
class Candidate:
    """A disc in one slice: centre (row, col) and extents (row0, col0, row1, col1) in pixels; level shares [7]."""
    centre: np.ndarray
    box: tuple
    area_mm2: float
    shares: np.ndarray


def softmax(logits, axis) -> np.ndarray:
    e = np.exp(logits - logits.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def extent(points) -> tuple[float, float, float, float]:
    """(row0, col0, row1, col1): 2nd to 98th percentile of the pixels' rows and columns."""
    low, high = np.percentile(points, 2, axis=0), np.percentile(points, 98, axis=0)
    return low[0], low[1], high[0], high[1]


def describe(points, shares=None) -> Candidate:
    return Candidate(points.mean(0), extent(points), len(points) * SPACING_MM ** 2, shares)


def pieces_to_discs(labels, count) -> list:
    """Pixel lists of connected pieces, pieces nearer than two discs can be joined, lowest disc first."""
    parts = sorted((np.argwhere(labels == i) for i in range(1, count + 1)), key=len, reverse=True)
    discs = []
    for part in (p for p in parts if len(p) * SPACING_MM ** 2 >= MIN_AREA_MM2 / 2):
        home = next((k for k, d in enumerate(discs) if same_disc(d, part)), None)
        if home is not None:
            discs[home] = np.vstack([discs[home], part])
        elif len(part) * SPACING_MM ** 2 >= MIN_AREA_MM2:
            discs.append(part)
    return sorted(discs, key=lambda d: -d.mean(0)[0])


def same_disc(a, b) -> bool:
    apart = (a.mean(0) - b.mean(0)) * SPACING_MM
    return abs(apart[0]) < SAME_DISC_ROWS_MM and np.hypot(*apart) < SAME_DISC_MM


def candidates(tissue_logits, level_logits) -> list:
    """[4, H, W], [7, H, W] -> candidates of one slice, lowest first."""
    labels, count = ndi.label(tissue_logits.argmax(0) == DISC)
    shares = softmax(level_logits, 0)
    return [describe(d, shares[:, d[:, 0], d[:, 1]].mean(1)) for d in pieces_to_discs(labels, count)]


def by_order(found) -> list[int]:
    """Level indices by order alone, the lowest candidate taken for L5-S1."""
    return [min(k, ABOVE) for k in range(len(found))]


def by_head(found) -> list[int]:
    """Level indices by the network's own classes."""
    return [int(c.shares.argmax()) for c in found]


def by_chain(found) -> list:
    """Level indices in unbroken order whose start fits the network's classes best (it may start below L5-S1)."""
    log = np.log(np.array([c.shares for c in found]) + 1e-3).reshape(-1, len(LEVELS))
    if not len(log):
        return []

    def names(start) -> list[int]:
        return [len(LEVELS) - 1 if start + k < 0 else min(start + k, ABOVE) for k in range(len(log))]
    best = max(range(-1, ABOVE + 1), key=lambda start: sum(log[k, n] for k, n in enumerate(names(start))))
    return names(best)

"""A rough sacrum below the L5-S1 disc: the published masks leave the sacrum out.

Needed twice: pixels of the sacrum are shown to the level head as "S1-S2 or not a disc", and contrast
drawn from label maps (CT-like, phantom-like) needs bone there, or the last disc would look like the
end of the spine. The outline is a strip that leaves the disc at a right angle to its long axis and
tapers; it follows no edge of the picture and claims no accuracy.
"""
import numpy as np

from .spacing import SPACING_MM

SEGMENT_MM = (29.0, 25.0, 21.0)
GAP_MM = 3.0
TAPER_PER_MM = 0.008
TURN_PER_MM = 0.004       # radians: the sacrum bends backwards as it goes down


def disc_axes(disc) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(centre, antero-posterior unit vector, unit normal pointing down, half length), all (row, col) in pixels."""
    points = np.argwhere(disc).astype(np.float64)
    centre = points.mean(0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    along = vectors[:, 1] * (1 if vectors[1, 1] > 0 else -1)
    normal = np.array([along[1], -along[0]])
    reach = np.percentile(np.abs((points - centre) @ along), 98)
    return centre, along, normal * (1 if normal[0] > 0 else -1), reach


def sacrum_map(lowest, next_up, taken) -> np.ndarray:
    """uint8 map: 0 none, 1 sacral bone, 2 the remnants of its discs. Empty without an L5-S1 disc.

    lowest, next_up: [H, W] bool of the L5-S1 and L4-L5 discs; taken: pixels that have a label already.
    """
    out = np.zeros(lowest.shape, np.uint8)
    if lowest.sum() < 20 or next_up.sum() < 20:
        return out
    centre, along, normal, reach = disc_axes(lowest)
    rows, cols = np.indices(lowest.shape, dtype=np.float32)
    down = ((rows - centre[0]) * normal[0] + (cols - centre[1]) * normal[1]) * SPACING_MM
    side = ((rows - centre[0]) * along[0] + (cols - centre[1]) * along[1]) * SPACING_MM
    side = side - 0.5 * TURN_PER_MM * np.square(np.maximum(down, 0))
    half = reach * SPACING_MM * np.maximum(1 - TAPER_PER_MM * down, 0.2)
    start = 4.0
    for length in SEGMENT_MM:
        out[(down > start) & (down <= start + length) & (np.abs(side) <= half)] = 1
        gap = (down > start + length) & (down <= start + length + GAP_MM) & (np.abs(side) <= half)
        out[gap] = 2
        start += length + GAP_MM
    out[taken] = 0
    return out

"""Things off the spine that look like parts of one: bowel, vessels, the table, gas."""
import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import CANAL, DISC, VERTEBRA

FAR_PX = 16       # 15 mm from anything labelled


def off_spine(tissue, sacrum) -> np.ndarray:
    """[H, W] bool: farther than 15 mm from vertebrae, canal, discs and the rough sacrum."""
    near = ((tissue > 0) | (sacrum > 0))[::4, ::4]
    far = ~ndi.binary_dilation(near, np.ones((3, 3), bool), iterations=FAR_PX // 4)
    return far.repeat(4, 0).repeat(4, 1)[:tissue.shape[0], :tissue.shape[1]]


def greys(rng, image, tissue) -> float:
    """A grey to draw with: that of a disc, vertebra or canal here, or any in the picture's range."""
    like = [np.median(image[tissue == t]) for t in (DISC, VERTEBRA, CANAL) if (tissue == t).any()]
    return rng.choice(like) if like and rng.random() < 0.7 else rng.uniform(image.min(), image.max())


def blob(rng, rows, cols, centre) -> np.ndarray:
    """A rounded shape with half axes of 3 to 25 pixels, in any direction: [H, W] bool."""
    angle, long, wide, power = rng.uniform(0, np.pi), rng.uniform(6, 25), rng.uniform(3, 14), rng.choice([2, 2, 4])
    u = (rows - centre[0]) * np.cos(angle) + (cols - centre[1]) * np.sin(angle)
    v = (cols - centre[1]) * np.cos(angle) - (rows - centre[0]) * np.sin(angle)
    return np.abs(u / long) ** power + np.abs(v / wide) ** power < 1


def clutter(rng, image, tissue, far) -> np.ndarray:
    """The image with two to nine shapes drawn off the spine, in a row one time in three."""
    spots = np.argwhere(far[::8, ::8]) * 8
    if not len(spots):
        return image
    out, (rows, cols) = image.copy(), np.indices(image.shape, dtype=np.float32)
    grain = 0.03 * np.ptp(image) * rng.normal(size=image.shape)
    first, along = spots[rng.integers(len(spots))], rng.uniform([14, -8], [30, 8])
    stacked = rng.random() < 0.33
    for k in range(rng.integers(2, 10)):
        centre = first + k * along if stacked else spots[rng.integers(len(spots))]
        mask = blob(rng, rows, cols, centre) & far
        out[mask] = greys(rng, image, tissue) + rng.uniform(0, 1) * grain[mask]
    return ndi.gaussian_filter(out, 0.5) if rng.random() < 0.5 else out

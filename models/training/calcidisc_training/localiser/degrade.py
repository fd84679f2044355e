"""What scanners and patients do to a picture: blur, coarse and unequal sampling, bias field, noise, metal."""
import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import VERTEBRA


def coarse(rng, image) -> np.ndarray:
    """Sampled at up to 1.5 mm, unequally in rows and columns one time in three, and back to the canvas."""
    step = rng.uniform(1.0, 1.6)
    steps = np.array([step, step if rng.random() < 0.67 else rng.uniform(1.0, 1.6)])
    soft = ndi.gaussian_filter(image, 0.4 * (steps - 1) + 0.01)
    small = ndi.zoom(soft, 1 / steps, order=1, grid_mode=True, mode='nearest')
    return ndi.zoom(small, np.array(image.shape) / np.array(small.shape), order=1, grid_mode=True, mode='nearest')


def soften(rng, image) -> np.ndarray:
    return ndi.gaussian_filter(image, rng.uniform(0.2, 1.1, 2))


def sharpen(rng, image) -> np.ndarray:
    return image + rng.uniform(0.3, 1.0) * (image - ndi.gaussian_filter(image, 1.0))


def bias_field(rng, image) -> np.ndarray:
    """A smooth gain of up to e^0.9 over the picture: surface coils are bright behind, dark in front."""
    nodes = rng.normal(0, rng.uniform(0.1, 0.45), (4, 3))
    nodes += np.linspace(-1, 1, 3) * rng.uniform(-0.2, 0.5)
    field = ndi.zoom(nodes, np.array(image.shape) / (4, 3), order=1, grid_mode=True, mode='nearest')
    return (image - image.min()) * np.exp(field)


def noise(rng, image) -> np.ndarray:
    """Gaussian or Rician, up to 9% of the range; smooth (as after interpolation) one time in three."""
    strength = rng.uniform(0.005, 0.09) * (np.ptp(image) + 1e-6)
    grain = rng.normal(0, strength, (2,) + image.shape)
    if rng.random() < 0.33:
        grain = ndi.gaussian_filter(grain, (0, 0.8, 0.8)) * 2
    if rng.random() < 0.5:
        return image + grain[0]
    low = image.min()
    return np.hypot(image - low + grain[0], grain[1]) + low


def metal(rng, image, tissue) -> np.ndarray:
    """One to four screws: a signal void with a bright rim, lying in vertebrae."""
    spots = np.argwhere(tissue[::4, ::4] == VERTEBRA) * 4
    if not len(spots):
        return image
    out, low, high = image.copy(), image.min(), image.max()
    rows, cols = np.indices(image.shape, dtype=np.float32)
    for centre in spots[rng.integers(0, len(spots), rng.integers(1, 5))]:
        angle, length, width = rng.uniform(0, np.pi), rng.uniform(4, 22), rng.uniform(2.5, 7)
        u = (rows - centre[0]) * np.cos(angle) + (cols - centre[1]) * np.sin(angle)
        v = (cols - centre[1]) * np.cos(angle) - (rows - centre[0]) * np.sin(angle)
        d = np.hypot(np.maximum(np.abs(u) - length / 2, 0), v) - width
        out = np.where(d < 0, low, np.where(d < 2, out + 0.5 * (high - out), out))
    return out


def degrade(rng, image, tissue) -> np.ndarray:
    """The above, each with its own chance."""
    if rng.random() < 0.06:
        image = metal(rng, image, tissue)
    if rng.random() < 0.35:
        image = coarse(rng, image)
    elif rng.random() < 0.4:
        image = soften(rng, image)
    elif rng.random() < 0.2:
        image = sharpen(rng, image)
    if rng.random() < 0.5:
        image = bias_field(rng, image)
    if rng.random() < 0.6:
        image = noise(rng, image)
    return image.astype(np.float32)

"""A scanner drawn at random: what another machine would have made of the same slice.

In-plane 0.3 to 1.2 mm, thicker slices (the caller averages them), turbo spin echo, fat-suppressed and Dixon looks,
coil shading, Rician noise, interpolation, sharpening, JPEG and 8-bit windows. Ranges stand in SCANNER; the cards copy them.
"""
import io

import numpy as np
from PIL import Image
from scipy import ndimage as ndi

from .simulate_shapes import blur
from .simulate_site import bias_field, rician

SCANNER = dict(
    sliceMm=(0.9, 5.0),                    # by averaging; of stacks that have neighbours
    inPlaneMm=(0.3, 1.2),                  # drawn log-evenly; never finer than the source, which is interpolated then
    looks=dict(tse=0.62, fatSuppressed=0.14, dixonInPhase=0.12, heavyT2=0.12),
    biasField=(0.0, 0.35),
    noiseOfBone=(0.0, 0.09),               # standard deviation; drawn with more small values
    interpolated=0.4,                      # share shown on a grid 1.3 to 2 times finer than measured
    sharpened=0.3, sharpening=(0.3, 1.2), sharpeningMm=(0.5, 1.0),
    smoothed=0.25, smoothingMm=(0.2, 0.6),
    eightBit=0.5, jpeg=0.3, jpegQuality=(50, 95),
    greyLow=0.03, greyHigh=0.12,           # standard deviations of black and white, shares of the range
    plain=0.20,                            # shown as they are
)
BONE_VALUE, CANAL_VALUE, DISC_VALUE = 76, 150, 29


def look_of(rng, image, labels, white) -> np.ndarray:
    """The contrast of another sequence. `white` is the slice's bright end."""
    look = str(rng.choice(list(SCANNER['looks']), p=list(SCANNER['looks'].values())))
    unit = np.clip(image / max(white, 1e-6), 0, 2)
    if look == 'heavyT2':
        return white * unit ** rng.uniform(1.25, 1.8)
    if look == 'dixonInPhase':
        return white * unit ** rng.uniform(0.6, 0.85)
    if look == 'fatSuppressed':
        fluid = blur(np.isin(labels, (CANAL_VALUE, DISC_VALUE)).astype(float), 1.5)
        return image * (fluid + (1 - fluid) * rng.uniform(0.2, 0.6))
    return white * unit ** rng.uniform(0.75, 1.3)


def without_bright_fluid(rng, image, labels) -> np.ndarray:
    """A look in which fluid is dark, as on T1 or proton density: no picture the network is asked about, but one that may reach it."""
    canal, disc = (blur((labels == v).astype(float), 1.0) for v in (CANAL_VALUE, DISC_VALUE))
    return image * (1 - canal * (1 - rng.uniform(0.12, 0.6))) * (1 - disc * (1 - rng.uniform(0.5, 1.0)))


def zoomed(image, factor_rows, factor_cols, order=1) -> np.ndarray:
    """[h, w] at another sampling, pixel areas kept: out index = (in index + 0.5) * factor - 0.5."""
    shape = [max(4, int(round(n * f))) for n, f in zip(image.shape, (factor_rows, factor_cols))]
    steps = [n / m for n, m in zip(image.shape, shape)]
    return ndi.affine_transform(image, np.diag(steps), [(s - 1) / 2 for s in steps], output_shape=shape, order=order, mode='nearest')


def measured(rng, image, spacing_mm) -> tuple[np.ndarray, float]:
    """(image, spacing) sampled as coarsely as another scanner may: blurred to its pixel first."""
    low, high = SCANNER['inPlaneMm']
    wanted = float(np.exp(rng.uniform(np.log(max(low, 0.4)), np.log(high))))
    if wanted <= spacing_mm:
        return image, spacing_mm
    factor = spacing_mm / wanted
    return zoomed(blur(image, 0.42 * (1 / factor ** 2 - 1) ** 0.5), factor, factor), wanted


def as_stored(rng, image, low, high) -> np.ndarray:
    """8 bits through a window that may cut, and JPEG."""
    if rng.random() >= SCANNER['eightBit']:
        return image
    bottom, top = low - 0.05 * rng.random() * (high - low), high * rng.uniform(0.95, 1.5)
    grey = np.clip((image - bottom) / max(top - bottom, 1e-6) * 255, 0, 255).astype(np.uint8)
    if rng.random() < SCANNER['jpeg'] / SCANNER['eightBit']:
        kept = io.BytesIO()
        Image.fromarray(grey).save(kept, 'JPEG', quality=int(rng.integers(*SCANNER['jpegQuality'])))
        grey = np.array(Image.open(kept))
    return grey.astype(np.float64) * (top - bottom) / 255 + bottom


def scanned(rng, image, labels, box, spacing_mm, grey, bone_signal) -> tuple[np.ndarray, list[float], float, float]:
    """(image, box in it, low, high) of a window as a drawn scanner shows it."""
    low, high = grey
    image = np.asarray(image, np.float64)
    if rng.random() < SCANNER['plain']:
        return image, list(box), low, high
    shape = image.shape
    image = look_of(rng, image, labels, high) * bias_field(rng, shape, rng.uniform(*SCANNER['biasField']))
    image, spacing = measured(rng, image, spacing_mm)
    if rng.random() < SCANNER['smoothed']:
        image = blur(image, rng.uniform(*SCANNER['smoothingMm']) / spacing)
    image = rician(image, SCANNER['noiseOfBone'][1] * rng.random() ** 2 * bone_signal, rng)
    if rng.random() < SCANNER['interpolated']:
        finer = rng.uniform(1.3, 2.0)
        image, spacing = zoomed(image, finer, finer, order=int(rng.choice([1, 3]))), spacing / finer
    if rng.random() < SCANNER['sharpened']:
        image = np.maximum(image + rng.uniform(*SCANNER['sharpening']) * (image - blur(image, rng.uniform(*SCANNER['sharpeningMm']) / spacing)), 0)
    image = as_stored(rng, image, low, high)
    rows, cols = image.shape[0] / shape[0], image.shape[1] / shape[1]
    moved = [(v + 0.5) * f - 0.5 for v, f in zip(box, (cols, rows, cols, rows))]
    span = high - low
    return image, moved, low + span * rng.normal(0, SCANNER['greyLow']), low + span * float(np.exp(rng.normal(0, SCANNER['greyHigh'])))

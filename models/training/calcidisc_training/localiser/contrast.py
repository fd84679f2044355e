"""Random contrast from a real slice and its label maps: T2, T1, STIR, CT-like, inverted, phantom-like.

All functions take the image [H, W] float32 (0..1, any contrast range), the tissue map and the rough
sacrum map, and return an image of the same shape in arbitrary units: normalisation comes last.
"""
import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import BACKGROUND, CANAL, DISC, VERTEBRA


def curve(rng, image, knots) -> np.ndarray:
    """A random grey-level curve through `knots` values, over the image's own quantiles."""
    q = np.quantile(image[::3, ::3], np.linspace(0.02, 0.99, len(knots)))
    return np.interp(image, q + np.arange(len(q)) * 1e-6, knots).astype(np.float32)


def bones(tissue, sacrum) -> np.ndarray:
    return (tissue == VERTEBRA) | ((sacrum == 1) & (tissue == BACKGROUND))


def rim(mask, width=1) -> np.ndarray:
    return mask & ~ndi.binary_erosion(mask, iterations=width)


def texture(image, mask) -> np.ndarray:
    """The image's own fine structure inside `mask`, zero mean and unit deviation there, 0 elsewhere."""
    out = np.zeros_like(image)
    if mask.sum() > 30:
        inside = image[mask]
        out[mask] = np.clip((inside - inside.mean()) / (inside.std() + 1e-4), -2.5, 2.5)
    return out


def paint(rng, image, tissue, sacrum, ground, grey, rough, nucleus=0.0, cortex=0.0) -> np.ndarray:
    """Tissues painted over `ground`: grey means per tissue, plus texture, a nucleus in the discs, a cortex."""
    out = ground.copy()
    bone = bones(tissue, sacrum)
    for mask, mean in ((bone, grey['vertebra']), (tissue == CANAL, grey['canal']), (tissue == DISC, grey['disc'])):
        out[mask] = mean
        if rough:
            out += rough * texture(image, mask)
    if nucleus:
        disc = (tissue == DISC).astype(np.float32)
        core = ndi.gaussian_filter(disc, 2.0) * disc
        out += nucleus * np.maximum(core - 0.45, 0) * 2
    if cortex:
        out[rim(bone)] += cortex
    return ndi.gaussian_filter(out, rng.uniform(0.3, 0.8))


def t2_like(rng, image, tissue, sacrum) -> np.ndarray:
    return np.maximum(image, 0) ** np.exp(rng.uniform(-0.5, 0.5))


def any_curve(rng, image, tissue, sacrum) -> np.ndarray:
    """A random, not always monotone, grey-level curve of the real image; one in two is a plain inversion."""
    if rng.random() < 0.5:
        top = np.quantile(image[::3, ::3], rng.uniform(0.97, 1.0)) + 1e-3
        return 1 - np.clip(image / top, 0, 1) ** np.exp(rng.uniform(-0.9, 0.4))
    return curve(rng, image, rng.uniform(0, 1, rng.integers(3, 7)))


def any_paint(rng, image, tissue, sacrum) -> np.ndarray:
    """Random grey for every tissue and for clusters of the background; real texture at random strength."""
    ground = curve(rng, image, rng.uniform(0, 1, rng.integers(3, 7)))
    vertebra, canal, disc = spread_greys(rng)
    return paint(rng, image, tissue, sacrum, ground, dict(vertebra=vertebra, canal=canal, disc=disc),
                 rough=rng.uniform(0, 0.1) * rng.choice([-1, 1]), nucleus=rng.normal(0, 0.25), cortex=rng.normal(0, 0.2))


def spread_greys(rng) -> np.ndarray:
    """Three greys; the disc differs from the vertebra by 0.12 at least, or it could not be seen."""
    while True:
        grey = rng.uniform(0.05, 0.95, 3)
        if abs(grey[0] - grey[2]) > 0.12:
            return grey


def t1_like(rng, image, tissue, sacrum) -> np.ndarray:
    """Fat bright, marrow rather bright, discs and muscle mid grey, fluid dark."""
    ground = curve(rng, image, [0.02, rng.uniform(0.1, 0.3), rng.uniform(0.25, 0.4), rng.uniform(0.4, 0.7), 0.95])
    vertebra = rng.uniform(0.42, 0.72)
    grey = dict(vertebra=vertebra, disc=vertebra - rng.uniform(0.12, 0.3), canal=rng.uniform(0.12, 0.34))
    return paint(rng, image, tissue, sacrum, ground, grey, rough=rng.uniform(0.01, 0.06) * rng.choice([-1, 1]),
                 cortex=rng.uniform(-0.3, 0))


def ct_like(rng, image, tissue, sacrum) -> np.ndarray:
    """Bone bright with a brighter cortex, disc mid grey, canal a little darker, fat dark, air black."""
    muscle, fat = rng.uniform(0.36, 0.46), rng.uniform(0.18, 0.32)
    ground = curve(rng, image, [rng.choice([0.0, muscle]), muscle, muscle * 0.9, fat, fat])
    ground = np.where(organs(rng, image.shape) > 0, muscle + rng.normal(0, 0.04), ground).astype(np.float32)
    spread = rng.uniform(0.12, 0.35)
    grey = dict(vertebra=muscle + spread, disc=muscle + rng.uniform(0.02, 0.09), canal=muscle - rng.uniform(-0.03, 0.06))
    out = paint(rng, image, tissue, sacrum, ground, grey, rough=rng.uniform(0.01, 0.06), cortex=rng.uniform(0.08, 0.35))
    if rng.random() < 0.3:      # gas in a disc, as old discs have
        out[(tissue == DISC) & (texture(image, tissue == DISC) < -1.2)] -= rng.uniform(0.1, 0.4)
    return out + rng.normal(0, rng.uniform(0.0, 0.08), out.shape).astype(np.float32)


def organs(rng, shape) -> np.ndarray:
    """Smooth random patches over the front part of the picture, where T2 slices are saturated to black."""
    if rng.random() < 0.3:
        return np.zeros(shape, np.float32)
    coarse = rng.normal(0.3, 1, (shape[0] // 16 + 1, shape[1] // 16 + 1))
    field = ndi.zoom(coarse, 16, order=1)[:shape[0], :shape[1]]
    field[:, shape[1] // 2:] = 0
    return (field > 0).astype(np.float32)


def phantom_like(rng, image, tissue, sacrum) -> np.ndarray:
    """Piecewise constant: one grey per tissue, one for the body around it."""
    body = np.full(image.shape, rng.uniform(0.05, 0.6), np.float32)
    if rng.random() < 0.5:
        body[ndi.gaussian_filter(image, 4) < np.quantile(image, rng.uniform(0, 0.4))] = 0
    vertebra, canal, disc = spread_greys(rng)
    return paint(rng, image, tissue, sacrum, body, dict(vertebra=vertebra, canal=canal, disc=disc), rough=0,
                 cortex=rng.choice([0, rng.normal(0, 0.2)]))


def stir_like(rng, image, tissue, sacrum) -> np.ndarray:
    """Fat and marrow dark, fluid bright, muscle and discs between."""
    muscle = rng.uniform(0.2, 0.4)
    ground = curve(rng, image, [0.02, muscle, muscle * rng.uniform(0.7, 1.1), rng.uniform(0.05, 0.2), rng.uniform(0.03, 0.15)])
    vertebra = rng.uniform(0.08, 0.3)
    grey = dict(vertebra=vertebra, disc=vertebra + rng.choice([-1, 1]) * rng.uniform(0.06, 0.14), canal=rng.uniform(0.7, 1.0))
    grey['disc'] = max(0.01, grey['disc'])
    return paint(rng, image, tissue, sacrum, ground, grey, rough=rng.uniform(0.01, 0.05), nucleus=rng.uniform(0, 0.4))


def fat_like(rng, image, tissue, sacrum) -> np.ndarray:
    """A Dixon fat picture: fat white, marrow bright, everything of water black."""
    ground = curve(rng, image, [0.0, rng.uniform(0, 0.06), rng.uniform(0.02, 0.15), rng.uniform(0.5, 0.9), 1.0])
    grey = dict(vertebra=rng.uniform(0.3, 0.65), disc=rng.uniform(0.0, 0.1), canal=rng.uniform(0.0, 0.12))
    return paint(rng, image, tissue, sacrum, ground, grey, rough=rng.uniform(0.02, 0.08) * rng.choice([-1, 1]))


def water_like(rng, image, tissue, sacrum) -> np.ndarray:
    """A Dixon water picture or a short gradient echo: marrow dark to mid, discs and muscle brighter, a dark cortex."""
    muscle = rng.uniform(0.3, 0.55)
    ground = curve(rng, image, [0.02, muscle, muscle, rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.5)])
    vertebra = rng.uniform(0.1, 0.4)
    grey = dict(vertebra=vertebra, disc=vertebra + rng.uniform(0.13, 0.45), canal=rng.uniform(0.25, 0.95))
    return paint(rng, image, tissue, sacrum, ground, grey, rough=rng.uniform(0.01, 0.06), nucleus=rng.normal(0, 0.15),
                 cortex=rng.uniform(-0.3, 0))


MODES = ((t2_like, 0.34), (any_curve, 0.14), (any_paint, 0.12), (t1_like, 0.10), (ct_like, 0.12), (phantom_like, 0.04),
         (stir_like, 0.05), (fat_like, 0.03), (water_like, 0.06))
"""Contrast and its share of the training samples."""


def random_contrast(rng, image, tissue, sacrum) -> tuple[np.ndarray, str]:
    """(image in a randomly chosen contrast, name of it)"""
    mode = MODES[rng.choice(len(MODES), p=[share for _, share in MODES])][0]
    return mode(rng, image, tissue, sacrum).astype(np.float32), mode.__name__

"""The painter that measures: calcified protrusions drawn another way than any that training has seen.

A bump of the posterior edge (a skewed bell over the disc's height, disc signal), filled with crumbs: cells about scattered
points, some of them void, melted together. No module of the training imports this one; a test holds that.
"""
import numpy as np

from .simulate_shapes import blur, paint, ramp

BUMP = dict(depthMm=(2.0, 8.0), depthOfCanal=0.7, halfWidthMm=(2.5, 7.0), skew=0.35, offsetMm=1.5, signalOfDisc=(0.8, 1.6))
CRUMBS = dict(perMm2=(0.15, 0.6), voidShare=(0.45, 1.0), signalOfBone=(0.0, 0.15), density=(0.75, 1.0), melt=(0.3, 0.8), reachInsideMm=(0.0, 2.5))


def bump_of(scene, rng) -> np.ndarray:
    """Share of each pixel inside the bump."""
    p = BUMP
    depth = min(rng.uniform(*p['depthMm']), p['depthOfCanal'] * max(scene.canal_mm, 6.0))
    width, s = rng.uniform(*p['halfWidthMm']), scene.s - rng.normal(0, p['offsetMm'])
    width = width * (1 + rng.uniform(-p['skew'], p['skew']) * np.sign(s))
    edge = depth * np.exp(-(s / width) ** 2 * 1.4) - 0.15 * depth
    return ramp(np.minimum(edge - scene.t, scene.t + rng.uniform(*CRUMBS['reachInsideMm'])), 0.6)


def crumbs_of(scene, rng, bump) -> np.ndarray:
    """Share of each pixel that is calcified: cells about scattered points, those drawn void melted together."""
    p, spots = CRUMBS, np.argwhere(bump > 0.5)
    if not len(spots):
        return np.zeros(bump.shape)
    area = len(spots) * scene.spacing_mm ** 2
    count = int(np.clip(round(area * rng.uniform(*p['perMm2'])), 2, 40))
    seeds = spots[rng.integers(len(spots), size=count)] + rng.uniform(-0.5, 0.5, (count, 2))
    row, col = np.indices(bump.shape)
    nearest = np.argmin((row[..., None] - seeds[:, 0]) ** 2 + (col[..., None] - seeds[:, 1]) ** 2, axis=2)
    void = rng.random(count) < rng.uniform(*p['voidShare'])
    void[rng.integers(count)] = True
    return np.clip(blur(void[nearest] * bump, rng.uniform(*p['melt']) / scene.spacing_mm) * 1.15, 0, 1) * bump


def paint_unseen(image, scene, rng) -> tuple[np.ndarray, np.ndarray]:
    """(image, share of calcification [h, w])."""
    bump = bump_of(scene, rng)
    body = paint(image, blur(bump, 0.5), rng.uniform(*BUMP['signalOfDisc']) * scene.annulus_signal, scene.noise_sd, rng)
    alpha = crumbs_of(scene, rng, bump) * rng.uniform(*CRUMBS['density'])
    signal = min(rng.uniform(*CRUMBS['signalOfBone']) * scene.bone_signal, 0.6 * scene.annulus_signal)
    return paint(body, alpha, signal, 0.6 * scene.noise_sd, rng), alpha

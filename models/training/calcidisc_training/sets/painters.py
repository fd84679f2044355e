"""Painters of the training: calcified protrusions, and the same brush strokes that are no calcification.

Two painters draw calcification: the study's simulation, and a lump with a void core. (A third, a dark band along the
posterior edge, was no other than a dark annulus: one in ten was told from untouched discs.) They
leave their traces on negatives too: a herniation without calcification, a lump of soft signal, a void where a calcified
herniation is not, so that neither a mass nor a painted edge nor a dark spot alone tells. The painter that measures
(unseen_painter.py) is another and is never imported here.
"""
import numpy as np

from .simulate import add_calcification, add_herniation, pick
from .simulate_confounders import add_confounders
from .simulate_shapes import blur, ellipse, paint, ramp, smooth_noise

PAINTERS = dict(simulated=0.5, lump=0.5)
TRACES = dict(herniation=0.30, softLump=0.30, elsewhere=0.25, confounders=0.15)
LEAST = dict(lossMm2=3.0, areaMm2=6.0, visibility=20.0)     # of a calcification: less is nothing a reader would call
LUMP = dict(depthMm=(2.5, 9.0), depthOfCanal=0.8, halfHeightMm=(2.0, 6.5), offsetMm=1.8, core=(0.45, 1.0), void=(0.0, 0.18), density=(0.75, 1.0), softOfBone=(0.25, 1.3))


def lump_shape(scene, rng) -> tuple[np.ndarray, float]:
    """(share of each pixel, depth mm) of a mass on the posterior edge, its outline uneven."""
    p = LUMP
    depth = min(pick(rng, p['depthMm']), p['depthOfCanal'] * max(scene.canal_mm, 6.0))
    half = pick(rng, p['halfHeightMm'])
    s = scene.s - rng.normal(0, p['offsetMm']) - rng.normal(0, 0.35) * np.maximum(scene.t, 0)
    power = rng.uniform(1.6, 3.0)
    inside = 1 - (np.abs((scene.t - rng.uniform(-1.5, 0.5)) / depth) ** power + np.abs(s / half) ** power) ** (1 / power)
    inside = inside + rng.uniform(0.05, 0.25) * smooth_noise(rng, scene.t.shape, rng.uniform(0.9, 2.2) / scene.spacing_mm)
    return ramp(np.minimum(inside * min(depth, half), scene.t + rng.uniform(0.5, 3.0)), rng.uniform(0.4, 1.0)), depth


def void_signal(scene, rng) -> float:
    return min(pick(rng, LUMP['void']) * scene.bone_signal, 0.7 * scene.annulus_signal)


def lump(image, scene, rng, psf) -> tuple[np.ndarray, np.ndarray]:
    """A protrusion whose core is void: wholly, or within a soft coat."""
    shape, depth = lump_shape(scene, rng)
    coat = blur(shape, psf)
    image = paint(image, coat, pick(rng, LUMP['softOfBone']) * scene.bone_signal, scene.noise_sd, rng)
    share = pick(rng, LUMP['core'])
    core = np.clip((shape if share > 0.9 else shape * shrunken(scene, rng, shape, depth, share)), 0, 1)
    core = blur(core * pick(rng, LUMP['density']) * (1 - rng.uniform(0, 0.4) * np.clip(smooth_noise(rng, core.shape, 1.2 / scene.spacing_mm), 0, 1)), psf)
    return paint(image, core, void_signal(scene, rng), scene.noise_sd * 0.6, rng), core


def shrunken(scene, rng, shape, depth, share) -> np.ndarray:
    """An ellipse inside a shape, about a point of it."""
    weights = shape * (scene.t > -1.5)
    total = weights.sum()
    at = rng.choice(weights.size, p=(weights / total).ravel()) if total > 0 else 0
    radius = max(1.2, share * depth * 0.8)
    return ellipse(scene.t, scene.s, (scene.t.ravel()[at], scene.s.ravel()[at]), (radius, radius * rng.uniform(0.7, 1.5)), rng.uniform(0, np.pi))


def simulated(image, scene, rng, psf) -> tuple[np.ndarray, np.ndarray]:
    """The study's simulation: a herniation, look-alikes, and calcification in it."""
    image, herniation, depth = add_herniation(image, scene, rng, psf)
    image, _ = add_confounders(image, scene, rng, herniation, psf)
    image, alpha, _ = add_calcification(image, scene, rng, herniation, depth, psf)
    return image, alpha


def elsewhere(image, scene, rng, psf) -> np.ndarray:
    """Voids as dark as calcification where no calcified herniation is: in the disc's front, in bone, far off in the canal."""
    for _ in range(rng.integers(1, 3)):
        radius = rng.uniform(0.8, 3.0)
        where = ((rng.uniform(-1.0, -0.35) * scene.length_mm, rng.normal(0, 2)),
                 (rng.uniform(-1.0, -0.1) * scene.length_mm, rng.choice([-1, 1]) * (scene.height_mm / 2 + rng.uniform(2, 9))),
                 (rng.uniform(1, scene.canal_mm), rng.choice([-1, 1]) * (scene.height_mm / 2 + rng.uniform(5, 10))),
                 (scene.canal_mm + rng.uniform(4, 12), rng.uniform(-10, 10)))[rng.integers(4)]
        alpha = blur(ellipse(scene.t, scene.s, where, (radius, radius * rng.uniform(0.5, 1.8)), rng.uniform(0, np.pi)), psf)
        image = paint(image, alpha * pick(rng, LUMP['density']), void_signal(scene, rng), scene.noise_sd * 0.6, rng)
    return image


def soft_lump(image, scene, rng, psf) -> np.ndarray:
    """The lump's mass in a soft tissue's signal, down to that of a dry protrusion."""
    shape, _ = lump_shape(scene, rng)
    signal = max(pick(rng, LUMP['softOfBone']) * scene.bone_signal, 0.75 * scene.annulus_signal)
    texture = 1 + 0.12 * smooth_noise(rng, shape.shape, 0.8 / scene.spacing_mm)
    return paint(image, blur(shape, psf), signal * texture, scene.noise_sd, rng)


def paint_trace(image, scene, rng, psf) -> tuple[np.ndarray, str]:
    """(image, which trace): painted, and no calcification."""
    kind = str(rng.choice(list(TRACES), p=list(TRACES.values())))
    if kind == 'softLump':
        return soft_lump(image, scene, rng, psf), kind
    if kind == 'elsewhere':
        return elsewhere(image, scene, rng, psf), kind
    herniation = None
    if kind == 'herniation':
        image, herniation, _ = add_herniation(image, scene, rng, psf)
    return add_confounders(image, scene, rng, herniation, psf)[0], kind


def loss_of(before, after, alpha, scene) -> tuple[np.ndarray, float]:
    """(signal lost to the calcification [h, w], the same as an area in mm2 of the marrow's signal)."""
    loss = np.maximum(blur(before, 0.7) - blur(after, 0.7), 0) * (alpha > 0.1)
    return loss, float(loss.sum() / max(scene.bone_signal, 1e-6)) * scene.spacing_mm ** 2


def paint_calcification(image, scene, rng, psf) -> tuple[np.ndarray, np.ndarray, dict]:
    """(image, share of calcification, about); drawn again while too little of it can be seen."""
    for _ in range(8):
        kind = str(rng.choice(list(PAINTERS), p=list(PAINTERS.values())))
        base = elsewhere(image, scene, rng, psf) if rng.random() < 0.15 else image
        painted, alpha = dict(simulated=simulated, lump=lump)[kind](base, scene, rng, psf)
        loss, lost = loss_of(base, painted, alpha, scene)
        about = dict(lossMm2=round(lost, 2), areaMm2=round(float(alpha.sum()) * scene.spacing_mm ** 2, 2),
                     visibility=round(float(np.sqrt(((loss / scene.noise_sd) ** 2).sum())), 1))
        if all(about[k] >= least for k, least in LEAST.items()):
            break
    return painted, alpha, dict(painter=kind, **about)

"""What is dark near a disc and is not calcification: drawn alike in both classes."""
import numpy as np

from .simulate_params import SIMULATION
from .simulate_shapes import blur, ellipse, paint, ramp, smooth_noise


def add_confounders(image, scene, rng, herniation, psf) -> tuple:
    """(image, names drawn). Each has its own odds, whatever the label."""
    drawn = []
    for name, draw in CONFOUNDERS.items():
        p = SIMULATION['confounders'][name]
        if rng.random() >= p['share'] or (name == 'fibrous' and herniation is None):
            continue
        image = draw(image, scene, rng, p, herniation, psf)
        drawn.append(name)
    return image, drawn


def darken(image, alpha, p, rng, psf, scene) -> np.ndarray:
    share = blur(np.clip(alpha, 0, 1), psf) * rng.uniform(*p['darkening'])
    return paint(image, share, min(0.05 * scene.bone_signal, scene.floor + scene.noise_sd), scene.noise_sd * 0.6, rng)


def fibrous(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """Dense tissue in a herniation: darker, smooth-edged, never void."""
    weights = herniation * (scene.t > -1)
    alpha = np.zeros(image.shape)
    for _ in range(rng.integers(p['count'][0], p['count'][1] + 1)):
        at = rng.choice(weights.size, p=(weights / weights.sum()).ravel())
        radius = rng.uniform(*p['radiusMm'])
        spot = ellipse(scene.t, scene.s, (scene.t.ravel()[at], scene.s.ravel()[at]), (radius, radius * rng.uniform(0.5, 1)), rng.uniform(0, np.pi))
        alpha = np.maximum(alpha, blur(spot, 0.6 / scene.spacing_mm))
    return darken(image, alpha * np.clip(herniation * 1.3, 0, 1), p, rng, psf, scene)


def gas_cleft(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """A vacuum cleft: a thin horizontal void in the middle of the disc, ending before its posterior edge."""
    end = -rng.uniform(*p['endsMmBeforePosterior'])
    start = end - rng.uniform(0.2, 0.7) * scene.length_mm
    wave = 0.8 * smooth_noise(rng, (1, image.shape[1]), 4 / scene.spacing_mm) + rng.normal(0, 0.1 * scene.height_mm)
    thick = rng.uniform(*p['thicknessMm'])
    alpha = ramp(thick / 2 - np.abs(scene.s - wave)) * ramp(np.minimum(scene.t - start, end - scene.t), 1.5)
    return darken(image, alpha * blur(scene.disc.astype(float), 1), p, rng, psf, scene)


def dark_disc(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """A degenerate disc: the whole disc loses signal, texture kept."""
    return image * (1 - blur(scene.disc.astype(float), 1.0) * rng.uniform(*p['darkening']))


def vessels(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """Flow voids in the cerebrospinal fluid, epidural veins behind the bodies, vessels in front of the spine."""
    alpha = np.zeros(image.shape)
    for _ in range(rng.integers(p['count'][0], p['count'][1] + 1)):
        radius = rng.uniform(*p['radiusMm'])
        side = rng.choice([-1, 1])
        where = (
            (rng.uniform(4, 4 + scene.canal_mm), rng.uniform(-11, 11)),
            (rng.uniform(0, 2.5), side * (scene.height_mm / 2 + rng.uniform(1.5, 8))),
            (-scene.length_mm - rng.uniform(2, 8), rng.uniform(-10, 10)),
        )[rng.choice(3, p=(0.4, 0.4, 0.2))]
        alpha = np.maximum(alpha, ellipse(scene.t, scene.s, where, (radius, radius * rng.uniform(1, 3)), rng.normal(0, 0.3)))
    return darken(image, alpha, p, rng, psf, scene)


def sclerosis(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """A dark band in the vertebra along one end plate or both, over a part of its length."""
    depth = rng.uniform(*p['depthMm'])
    beyond = np.abs(scene.s) - scene.height_mm / 2
    sides = rng.choice(3)
    keep = (scene.s > 0) if sides == 0 else (scene.s < 0) if sides == 1 else np.ones(image.shape, bool)
    middle, half = -rng.uniform(0, scene.length_mm), rng.uniform(0.2, 0.6) * scene.length_mm
    edge = depth * (1 + 0.25 * smooth_noise(rng, image.shape, 2 / scene.spacing_mm))
    alpha = ramp(edge - beyond, 1.5) * ramp(half - np.abs(scene.t - middle), 3) * keep * blur(scene.bone.astype(float), 0.8)
    return image * (1 - alpha * rng.uniform(*p['darkening']))


def ligament(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """A dark posterior longitudinal ligament: a thin line along the posterior edge, over a herniation too."""
    thick = rng.uniform(*p['thicknessMm'])
    bow = rng.uniform(0, 1.2) * np.exp(-(scene.s / 4) ** 2) + rng.uniform(-0.2, 0.8)
    reach = rng.uniform(3, 12)
    alpha = ramp(thick / 2 - np.abs(scene.t - bow), 0.4) * ramp(reach - np.abs(scene.s - rng.normal(0, 2)), 2)
    return darken(image, alpha, p, rng, psf, scene)


def corner(image, scene, rng, p, herniation, psf) -> np.ndarray:
    """A dark posterior corner of a vertebra: osteophyte or ring apophysis."""
    radius = rng.uniform(*p['radiusMm'])
    where = rng.uniform(-1.5, 0.8), rng.choice([-1, 1]) * (scene.height_mm / 2 + rng.uniform(0.6, 2.2))
    alpha = ellipse(scene.t, scene.s, where, (radius, radius * rng.uniform(0.5, 1)), rng.uniform(0, np.pi))
    return darken(image, alpha, p, rng, psf, scene)


CONFOUNDERS = dict(darkDisc=dark_disc, gasCleft=gas_cleft, sclerosis=sclerosis, fibrous=fibrous, ligament=ligament, corner=corner, vessels=vessels)

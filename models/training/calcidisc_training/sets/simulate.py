"""Simulated calcification over a real (or drawn) lumbar slice: one call, one region with its label.

What differs between the classes is the calcification alone. Herniations, gas, dark discs, vessels, sclerosis and
dark ligaments are drawn with the same odds in both. All numbers stand in simulate_params.py. The same slice, disc,
label and generator give the same bytes. Needs numpy only.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .roi import REGION_PIXELS, extent_of, grey_range, region_of, resample, to_grey
from .simulate_confounders import add_confounders
from .simulate_params import SIMULATION
from .simulate_shapes import blur, ellipse, paint, ramp, smooth_noise, union
from .simulate_site import external_site, vary

CELLS = 7
BORDER_MM = 6.0
VERTEBRA_VALUE, CANAL_VALUE = 76, 150


@dataclass(frozen=True)
class Anatomy:
    """One disc in one slice. mask: SPIDER's values (76 vertebra, 150 canal); disc: bool; both [H, W]."""
    pixels: np.ndarray
    mask: np.ndarray
    disc: np.ndarray
    spacing_mm: float
    grey: tuple

    @cached_property
    def frame(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
        return disc_frame(self.disc, self.spacing_mm)

    @cached_property
    def extent(self) -> list[float]:
        return extent_of(self.disc)


@dataclass(frozen=True)
class Scene:
    """The disc's surroundings in its own frame: t mm behind the posterior edge, s mm down along it, [h, w] each."""
    t: np.ndarray
    s: np.ndarray
    disc: np.ndarray
    bone: np.ndarray
    spacing_mm: float
    length_mm: float
    height_mm: float
    canal_mm: float
    disc_signal: float
    annulus_signal: float
    bone_signal: float
    floor: float
    noise_sd: float


@dataclass(frozen=True)
class Region:
    """picture [224, 224] uint8; label 0/1; cells [7, 7] float32 share of calcification; about: what was drawn."""
    picture: np.ndarray
    label: int
    cells: np.ndarray
    about: dict


def pick(rng, bounds) -> float:
    return float(rng.uniform(*bounds))


def anatomy_of(pixels, mask, disc, spacing_mm) -> Anatomy:
    """An Anatomy with its slice's grey range."""
    pixels = np.asarray(pixels, np.float32)
    return Anatomy(pixels, mask, disc, spacing_mm, grey_range(pixels))


def disc_frame(disc, spacing_mm) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """(posterior point (row, col), unit vector to posterior, unit vector downwards, length mm, height mm)."""
    points = np.argwhere(disc).astype(np.float64)
    centre = points.mean(0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    behind = axes[0] * np.sign(axes[0][1] or 1)
    down = np.array([behind[1], -behind[0]])
    along, across = (points - centre) @ behind, (points - centre) @ down
    front, back = np.percentile(along, [2, 97])
    rear = across[along > back - max(0.2 * (back - front), 3)]
    low, high = np.percentile(rear, [5, 95])
    return centre + behind * back + down * (low + high) / 2, behind, down, (back - front) * spacing_mm, (high - low + 1) * spacing_mm


def scene_of(anatomy, window) -> Scene:
    """The Scene inside window (row0, row1, col0, col1)."""
    row0, row1, col0, col1 = window
    point, behind, down, length, height = anatomy.frame
    row, col = np.meshgrid(np.arange(row0, row1), np.arange(col0, col1), indexing='ij')
    mm = anatomy.spacing_mm
    t = ((row - point[0]) * behind[0] + (col - point[1]) * behind[1]) * mm
    s = ((row - point[0]) * down[0] + (col - point[1]) * down[1]) * mm
    cut = slice(row0, row1), slice(col0, col1)
    image, mask, disc = anatomy.pixels[cut].astype(np.float64), anatomy.mask[cut], anatomy.disc[cut]
    bone, canal = mask == VERTEBRA_VALUE, mask == CANAL_VALUE
    body = bone & (t < 0)
    level = canal & (np.abs(s) < 4)
    near = image[disc & (t > -5)] if (disc & (t > -5)).any() else image[disc]
    bone_signal = float(np.median(image[body])) if body.any() else float(np.median(image))
    grain = image - blur(image, 1.0)
    texture = np.abs(grain[body]) if body.any() else np.abs(grain)
    return Scene(t=t, s=s, disc=disc, bone=bone, spacing_mm=mm, length_mm=length, height_mm=height,
                 canal_mm=float(np.ptp(t[level])) if level.any() else 12.0,
                 disc_signal=float(np.median(image[disc])), annulus_signal=float(np.percentile(near, 40)),
                 bone_signal=bone_signal, floor=float(np.percentile(image, 1)),
                 noise_sd=max(0.7 * 1.4826 * float(np.median(texture)), 0.01 * bone_signal))


def add_herniation(image, scene, rng, psf) -> tuple[np.ndarray, np.ndarray, float]:
    """(image, share of each pixel that is herniated disc, depth mm). Drawn on the disc's posterior edge."""
    p = SIMULATION['herniation']
    depth = min(pick(rng, p['depthMm']), p['depthOfCanal'] * max(scene.canal_mm, 6.0))
    half = pick(rng, p['halfHeightMm']) + 0.25 * depth
    offset, slant = rng.normal(0, p['offsetMm']), rng.normal(0, p['slant'])
    s = scene.s - offset - slant * np.maximum(scene.t, 0)
    warp = 0.18 * smooth_noise(rng, image.shape, 2.2 / scene.spacing_mm)
    inside = (1 + warp - np.hypot(scene.t / depth, s / half)) * min(depth, half)
    alpha = blur(ramp(np.minimum(inside, scene.t + 1.5)), psf)
    signal = pick(rng, p['signalOfBone']) * scene.bone_signal
    texture = 1 + p['texture'] * smooth_noise(rng, image.shape, 0.8 / scene.spacing_mm)
    image = paint(image, alpha, signal * texture, scene.noise_sd, rng)
    if rng.random() < p['rimShare']:
        rim = blur(ramp(0.5 - np.abs(inside), 0.4) * (scene.t > 0.3), psf) * pick(rng, p['rimDepth'])
        image = paint(image, rim, 0.3 * signal, scene.noise_sd, rng)
    return image, alpha, depth


def calcified_share(scene, rng, herniation, depth) -> tuple[np.ndarray, dict]:
    """Share of each pixel taken by calcification [h, w], and what was drawn."""
    p = SIMULATION['calcification']
    in_herniation = herniation is not None and rng.random() < p['inHerniation']
    annulus = ramp(scene.t + p['annulusDepthMm'][1] + 1) * ramp(0.5 - scene.t) * ramp(scene.height_mm / 2 + 0.3 - np.abs(scene.s))
    zone = union(herniation, annulus) if in_herniation else annulus
    if in_herniation:
        weights = herniation * (scene.t > -1)
        at = rng.choice(weights.size, p=(weights / weights.sum()).ravel())
        centre = scene.t.ravel()[at], scene.s.ravel()[at]
    else:
        centre = -pick(rng, p['annulusDepthMm']), rng.normal(0, scene.height_mm / 5)
    length = float(np.exp(rng.uniform(*np.log(p['lengthMm']))))
    radii = length / 2, max(length / 2 * pick(rng, p['flatness']), 0.35)
    turn = rng.uniform(-np.pi / 2, np.pi / 2)
    kind = str(rng.choice(list(p['kinds']), p=list(p['kinds'].values())))
    area = ellipse(scene.t, scene.s, centre, radii, turn)
    shape = KINDS[kind](scene, rng, centre, radii, turn, area)
    density = pick(rng, p['density'])
    return shape * np.clip(zone * 1.3, 0, 1) * density, dict(kind=kind, lengthMm=round(length, 2), density=round(density, 2), inHerniation=bool(in_herniation))


def granular(scene, rng, centre, radii, turn, area) -> np.ndarray:
    p = SIMULATION['calcification']
    count = 1 + rng.poisson(np.pi * radii[0] * radii[1] * pick(rng, p['grainsPerMm2']))
    shape = np.zeros(area.shape)
    for _ in range(min(int(count), 40)):
        reach, angle = np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        a, b = reach * np.cos(angle) * radii[0], reach * np.sin(angle) * radii[1]
        where = centre[0] + a * np.cos(turn) - b * np.sin(turn), centre[1] + a * np.sin(turn) + b * np.cos(turn)
        size = pick(rng, p['grainRadiusMm'])
        shape = union(shape, rng.uniform(0.6, 1) * ellipse(scene.t, scene.s, where, (size, size * rng.uniform(0.6, 1)), rng.uniform(0, np.pi)))
    return shape


def patchy(scene, rng, centre, radii, turn, area) -> np.ndarray:
    scale = pick(rng, SIMULATION['calcification']['patchScaleMm']) / scene.spacing_mm
    noise = smooth_noise(rng, area.shape, scale)
    core = ellipse(scene.t, scene.s, centre, (0.4 * radii[0], 0.4 * radii[1]), turn)
    return area * np.maximum(ramp(noise * 0.6 + 0.35, 0.8), 0.8 * core)


def rim(scene, rng, centre, radii, turn, area) -> np.ndarray:
    """A shell: part of the border of an ellipse, on its posterior side."""
    thick = pick(rng, SIMULATION['calcification']['rimThicknessMm'])
    outer = ellipse(scene.t, scene.s, centre, (radii[1] + thick, radii[0] + thick), 0.3 * turn)
    inner = ellipse(scene.t, scene.s, (centre[0] - thick, centre[1]), (radii[1] + 0.2, radii[0] + 0.2), 0.3 * turn)
    broken = ramp(smooth_noise(rng, area.shape, 1.0 / scene.spacing_mm) * 0.7 + 0.6, 0.8)
    return outer * (1 - inner) * (scene.t > centre[0] - 0.3) * broken


KINDS = dict(granular=granular, patchy=patchy, rim=rim)


def add_calcification(image, scene, rng, herniation, depth, psf) -> tuple[np.ndarray, np.ndarray, dict]:
    """(image, share of calcification, about). about.visibility: mean darkening over the lesion in noise units."""
    alpha, about = calcified_share(scene, rng, herniation, depth)
    alpha = blur(alpha, psf)
    signal = pick(rng, SIMULATION['calcification']['signalOfBone']) * scene.bone_signal
    before = image
    image = paint(image, alpha, min(signal, scene.annulus_signal), scene.noise_sd * 0.6, rng)
    loss = np.maximum(blur(before, 0.7) - blur(image, 0.7), 0)
    about['visibility'] = round(float(np.sqrt(((loss / scene.noise_sd) ** 2 * (alpha > 0.1)).sum())), 1)
    about['areaMm2'] = round(float(alpha.sum()) * scene.spacing_mm ** 2, 2)
    return image, alpha, about


def draw_box(anatomy, rng, jitter) -> np.ndarray:
    """The region's rectangle, off by what a localiser and a site's margin may be off."""
    p = SIMULATION['region']
    margin = pick(rng, p['marginMm']) if jitter else 10.0
    box = np.array(region_of(anatomy.extent, (anatomy.spacing_mm,) * 2, margin))
    return box + rng.normal(0, p['jitterMm'], 4) / anatomy.spacing_mm if jitter else box


def posterior_in_picture(anatomy, box) -> list[float]:
    """[col, row] of the disc's posterior edge in the 224 by 224 picture."""
    row, col = anatomy.frame[0]
    size = np.array([box[2] - box[0], box[3] - box[1]]) / REGION_PIXELS
    return [round(float(v), 1) for v in (np.array([col, row]) - np.array(box[:2])) / size - 0.5]


def simulate_region(anatomy, label, rng, site='internal', jitter=True) -> Region:
    """One Region. label: 1 with calcification. site: 'training' (internal with variety), 'internal', 'external'.

    Raises ValueError where the disc has no mask or lies outside the slice.
    """
    box = draw_box(anatomy, rng, jitter)
    border = BORDER_MM / anatomy.spacing_mm
    height, width = anatomy.pixels.shape
    row0, row1 = max(0, int(box[1] - border)), min(height, int(box[3] + border) + 1)
    col0, col1 = max(0, int(box[0] - border)), min(width, int(box[2] + border) + 1)
    if row1 - row0 < 8 or col1 - col0 < 8:
        raise ValueError('the disc lies outside the slice')
    scene = scene_of(anatomy, (row0, row1, col0, col1))
    image = anatomy.pixels[row0:row1, col0:col1].astype(np.float64)
    psf, herniation, depth = pick(rng, SIMULATION['blurPx']), None, 0.0
    if rng.random() < SIMULATION['herniation']['share']:
        image, herniation, depth = add_herniation(image, scene, rng, psf)
    image, drawn = add_confounders(image, scene, rng, herniation, psf)
    about = dict(herniationMm=round(depth, 1), confounders=drawn)
    lesion_rng = np.random.default_rng(rng.integers(2 ** 62))      # its own, so that a twin without lesion stays a twin
    alpha = np.zeros(image.shape)
    if label:
        image, alpha, lesion = add_calcification(image, scene, lesion_rng, herniation, depth, psf)
        about.update(lesion)
    low, high = anatomy.grey
    if site == 'external':
        image, low, high = external_site(anatomy, image, (row0, row1, col0, col1), scene.bone_signal, rng)
    elif site == 'training':
        image, low, high = vary(image, low, high, scene.bone_signal, rng)
    inner = np.array(box) - [col0, row0, col0, row0]
    about['posterior'] = posterior_in_picture(anatomy, box)
    picture = to_grey(resample(image, inner), low, high)
    cells = resample(alpha, inner).reshape(CELLS, 32, CELLS, 32).max((1, 3)).astype(np.float32)
    return Region(picture, int(label), cells, about)

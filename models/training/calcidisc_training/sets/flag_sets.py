"""Sets for a classifier that can say no: real untouched discs, painted ones, and both through drawn scanners.

Of every set's regions `SHARES` tell how many are untouched, untouched in a look without bright fluid (foreign), painted without
calcification, and calcified. The same disc list, count and seed give the same bytes.
"""
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from .classifier_data import Pool
from .painters import paint_calcification, paint_trace
from .real_regions import RealDisc, Window
from .roi import MARGIN_MM, resample, to_grey
from .scanner import SCANNER, scanned, without_bright_fluid
from .simulate import CELLS, Anatomy, Scene, pick, scene_of
from .simulate_params import SIMULATION

SHARES = dict(untouched=0.36, foreign=0.08, trace=0.20, calcified=0.36)
SIDE = 224


def scene_in(window: Window) -> Scene:
    """simulate.scene_of for a window: its own mask, the disc's frame as it was measured once."""
    anatomy = Anatomy(window.pixels, window.labels, window.disc, window.spacing_mm, window.grey)
    object.__setattr__(anatomy, 'frame', window.frame)
    return scene_of(anatomy, (0, window.pixels.shape[0], 0, window.pixels.shape[1]))


def slab_of(rng, disc: RealDisc) -> int:
    """How many neighbouring slices are averaged: 1 where there are none or they are thick already."""
    gap = disc.stack.gap_mm
    if gap <= 0 or gap > 2:
        return 1
    return max(1, int(round(rng.uniform(*SCANNER['sliceMm']) / gap)))


def draw_region(rng, disc: RealDisc, kind: str, scanner=True) -> tuple[np.ndarray, np.ndarray, dict]:
    """(picture [224, 224] uint8, cells [7, 7] float32, about). kind: a key of SHARES."""
    window = disc.cut(slab_of(rng, disc) if scanner else 1)
    scene, psf = scene_in(window), pick(rng, SIMULATION['blurPx'])
    image, alpha, about = window.pixels.astype(np.float64), np.zeros(window.pixels.shape), {}
    if kind == 'foreign':
        image = without_bright_fluid(rng, image, window.labels)
    if kind == 'trace':
        image, about['trace'] = paint_trace(image, scene, rng, psf)
    if kind == 'calcified':
        image, alpha, about = paint_calcification(image, scene, rng, psf)
    box = np.array(window.box)
    low, high = window.grey
    cells_from, cells_box = alpha, box
    if scanner:
        grow = (pick(rng, SIMULATION['region']['marginMm']) - MARGIN_MM) / window.spacing_mm
        box = box + np.array([-grow, -grow, grow, grow]) + rng.normal(0, SIMULATION['region']['jitterMm'], 4) / window.spacing_mm
        cells_box = box
        image, box, low, high = scanned(rng, image, window.labels, box, window.spacing_mm, window.grey, scene.bone_signal)
    picture = to_grey(resample(image, box), low, high)
    cells = resample(cells_from, cells_box).reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).max((1, 3)).astype(np.float32)
    about.update(kind=kind, source=disc.stack.source, series=disc.stack.name, level=disc.level, slice=disc.at)
    return picture, cells, about


def kind_of(rng) -> str:
    return str(rng.choice(list(SHARES), p=list(SHARES.values())))


class Draw:
    """Draws discs: a source first (by the root of its number of series), then a series, then a disc of it."""

    def __init__(self, discs: list[RealDisc]) -> None:
        self.of: dict[str, dict[str, list[int]]] = {}
        for i, disc in enumerate(discs):
            self.of.setdefault(disc.stack.source, {}).setdefault(disc.stack.name, []).append(i)
        self.sources = sorted(self.of)
        weight = np.sqrt([len(self.of[s]) for s in self.sources])
        self.share = weight / weight.sum()

    def one(self, rng) -> int:
        series = list(self.of[self.sources[rng.choice(len(self.sources), p=self.share)]].values())
        own = series[rng.integers(len(series))]
        return own[rng.integers(len(own))]


def make_part(discs, picks, seeds, kinds) -> list:
    return [draw_region(np.random.default_rng(seed), discs[i], kind) for i, seed, kind in zip(picks, seeds, kinds)]


def make_flag_pool(discs, count, seed, negatives_only=(), workers=1) -> Pool:
    """`count` regions of these discs. negatives_only: sources that are never painted."""
    rng = np.random.default_rng([seed, 14])
    draw = Draw(discs)
    picks, kinds = [draw.one(rng) for _ in range(count)], [kind_of(rng) for _ in range(count)]
    kinds = ['untouched' if discs[i].stack.source in negatives_only else kind for i, kind in zip(picks, kinds)]
    seeds = [[seed, 15, k] for k in range(count)]
    if workers > 1:
        cut = [slice(k, None, workers) for k in range(workers)]
        with ProcessPoolExecutor(workers) as executor:
            parts = list(executor.map(make_part, [discs] * workers, [picks[c] for c in cut], [seeds[c] for c in cut], [kinds[c] for c in cut]))
        regions = [None] * count
        for c, part in zip(cut, parts):
            regions[c] = part
    else:
        regions = make_part(discs, picks, seeds, kinds)
    return Pool(np.stack([r[0] for r in regions]), np.array([k == 'calcified' for k in kinds], np.uint8), np.stack([r[1] for r in regions]),
                np.array([discs[i].stack.patient for i in picks]), [r[2] for r in regions])

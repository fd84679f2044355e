"""What calcification can the networks see? Hit rate against size, contrast to noise and place, at a fixed share of false alarms.

    python -m calcidisc_training.classifier.detectability --slices SLICES --models ../resnet34/2,../densenet121/1 --out detectability.json [--svg detectability.svg]

Discs of spider.HELD_OUT as the deployed localiser cut them (`npm run bench:flags -- --slices`), each once untouched and --draws times
painted by the painter that no training sees, some of them faded. Every network's bound is the score that FALSE_ALARMS of the untouched
reach, so that networks with different thresholds compare. Beside them an ideal observer that knows template, place and background and
sees through the noise alone: it hits with the normal distribution's share below visibility - z (Burgess, J Opt Soc Am 71, 1981).
"""
import argparse
import html
import json
import os
from statistics import NormalDist

import numpy as np

from ..sets.flag_sets import scene_in
from ..sets.painters import loss_of
from ..sets.real_regions import read_discs
from ..sets.roi import resample, to_grey
from ..sets.unseen_painter import paint_unseen
from ..spine.spider import HELD_OUT
from .parity import onnx_scores

FALSE_ALARMS, FADED = 0.05, (1.0, 1.0, 0.6, 0.35)
AXES = dict(areaMm2=[0, 2, 4, 8, 16, 32, 1e9], contrastToNoise=[0, 2, 4, 6, 9, 13, 1e9], visibility=[0, 5, 10, 20, 40, 80, 1e9], offMidHeightMm=[0, 1, 2, 3.5, 1e9], beyondDiscMm=[-1e9, -1, 1, 2.5, 4, 1e9])
NAMES = dict(areaMm2='area, mm²', contrastToNoise='contrast to noise', visibility='visibility (ideal d′)', offMidHeightMm='off the disc\'s middle, mm', beyondDiscMm='behind the disc\'s edge, mm')


def picture(pixels, window) -> np.ndarray:
    return to_grey(resample(pixels, np.array(window.box)), *window.grey)


def painted(disc, seed) -> tuple[np.ndarray, dict] | None:
    """(picture [224, 224], what there is to see); None where next to nothing was drawn."""
    rng, window = np.random.default_rng(seed), disc.cut()
    scene, before = scene_in(window), window.pixels.astype(np.float64)
    after, alpha = paint_unseen(before, scene, rng)
    after = before + rng.choice(FADED) * (after - before)
    if alpha.sum() * scene.spacing_mm ** 2 < 0.5:
        return None
    loss, _ = loss_of(before, after, alpha, scene)
    on, weight = alpha > 0.3, alpha / alpha.sum()
    return picture(after, window), dict(
        areaMm2=float(alpha.sum()) * scene.spacing_mm ** 2, contrastToNoise=float(loss[on].mean() / scene.noise_sd) if on.any() else 0.0,
        visibility=float(np.sqrt(((loss / scene.noise_sd) ** 2).sum())), offMidHeightMm=abs(float((scene.s * weight).sum())), beyondDiscMm=float((scene.t * weight).sum()))


def draw(slices, draws) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """(untouched [N, 224, 224], painted [M, 224, 224], about each painted one)."""
    held = {f'SPIDER{n}' for n in HELD_OUT}
    discs = [d for d in read_discs(slices) if d.stack.patient in held]
    made = [p for i, d in enumerate(discs) for k in range(draws) if (p := painted(d, [i, k, 41])) is not None]
    return np.stack([picture(d.cut().pixels, d.cut()) for d in discs]), np.stack([p for p, _ in made]), [a for _, a in made]


def hit_rates(hit, values, edges) -> list[dict]:
    return [dict(over=a, below=b, discs=int(own.sum()), hit=round(float(hit[own].mean()), 3))
            for a, b in zip(edges, edges[1:]) if (own := (values >= a) & (values < b)).sum() >= 10]


def curves(hit, about) -> dict:
    return {axis: hit_rates(hit, np.array([one[axis] for one in about]), edges) for axis, edges in AXES.items()}


def ideal(about) -> np.ndarray:
    z = NormalDist().inv_cdf(1 - FALSE_ALARMS)
    return np.array([NormalDist().cdf(one['visibility'] - z) for one in about])


def label(low, high) -> str:
    if low < -1e8:
        return f'< {high:g}'
    return f'≥ {low:g}' if high > 1e8 else f'{low:g}–{high:g}'


def as_svg(told) -> str:
    """A panel an axis; a line an observer, in grey patterns that print."""
    panels, width, height = list(AXES), 250, 190
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(panels)} {height + 60}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="#fff"/>']
    colours = ['#1f4e79', '#b5651d', '#2e7d32', '#6a1b9a', '#000']
    for i, axis in enumerate(panels):
        left, bins = i * width + 34, told['observers'][next(iter(told['observers']))][axis]
        place = {label(b['over'], b['below']): left + (k + 0.5) * (width - 48) / len(bins) for k, b in enumerate(bins)}
        parts.append(f'<text x="{left}" y="14" font-weight="bold">{NAMES[axis]}</text><path d="M{left} 24V{height}H{left + width - 48}" fill="none" stroke="#888"/>')
        parts += [f'<text x="{left - 4}" y="{height - v * (height - 30) + 3}" text-anchor="end">{100 * v:.0f}%</text>' for v in (0, 0.5, 1)]
        parts += [f'<text x="{x:.0f}" y="{height + 13}" text-anchor="middle" font-size="8">{html.escape(name)}</text>' for name, x in place.items()]
        for (_, own), colour in zip(told['observers'].items(), colours):
            points = ' '.join(f"{place[label(b['over'], b['below'])]:.1f},{height - b['hit'] * (height - 30):.1f}" for b in own[axis])
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    parts += [f'<text x="{34 + 170 * k}" y="{height + 40}" fill="{colour}" font-size="12">— {name}</text>' for k, (name, colour) in enumerate(zip(told['observers'], colours))]
    return '\n'.join([*parts, '</svg>', ''])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--slices', required=True)
    p.add_argument('--models', required=True, help='folders with model.onnx, separated by commas')
    p.add_argument('--out', required=True)
    p.add_argument('--svg')
    p.add_argument('--draws', type=int, default=4)
    a = p.parse_args()
    untouched, shown, about = draw(a.slices, a.draws)
    observers = {}
    for folder in a.models.split(','):
        path = os.path.join(folder, 'model.onnx')
        bound = np.quantile(onnx_scores(path, untouched), 1 - FALSE_ALARMS)
        observers[' '.join(os.path.normpath(folder).split(os.sep)[-2:])] = curves(onnx_scores(path, shown) > bound, about)
    observers['ideal observer'] = curves(ideal(about), about)
    told = dict(falseAlarms=FALSE_ALARMS, untouched=len(untouched), painted=len(shown), simulated=True, observers=observers)
    with open(a.out, 'w', encoding='utf-8') as f:
        json.dump(told, f, indent=1)
    if a.svg:
        with open(a.svg, 'w', encoding='utf-8') as f:
            f.write(as_svg(told))
    for name, own in observers.items():
        for axis, bins in own.items():
            print(f'{name:18} {NAMES[axis]:28} ' + '  '.join(f"{label(b['over'], b['below'])}: {100 * b['hit']:.0f}% of {b['discs']}" for b in bins))


if __name__ == '__main__':
    main()

"""Measure localiser weights on held-out SPIDER patients, each read as a series of every fourth slice.

  python -m calcidisc_training.localiser.evaluate_localiser --model DIR [--model DIR ...] [--variant inverted ...] [--metrics FILE] [--png DIR]

DIR holds model.onnx and card.json; the card's heldOut says which patients it may be measured on.
"""
import argparse
import functools
import json
import os
from collections import Counter

import numpy as np
from PIL import Image

from ..common import runtime
from ..spine.levels import BELOW, LUMBAR
from ..spine.spacing import SPACING_MM
from ..spine.spider import NO_LEVELS, load_patient
from . import overlay
from .candidates import by_chain, by_head, by_order, candidates, describe
from .marks import MarksSession
from .normalise import normalise, pad
from .variants import VARIANTS

FOUND_MM, MARGIN_MM = 10.0, 10.0
SURE = 0.8
"""Share of the likeliest level, in the median over a series' discs, from which the series counts as sure."""
NAMINGS = {'order': by_order, 'head': by_head, 'chain': by_chain}


def open_session(folder, threads=2) -> runtime.NodeSession:
    session = runtime.open_session(os.path.join(folder, 'model.onnx'), threads)
    with open(os.path.join(folder, 'card.json'), encoding='utf-8') as f:
        marks = json.load(f).get('marks')
    return MarksSession(session, **marks) if marks else session


def infer(session, grey) -> tuple[np.ndarray, np.ndarray]:
    """[H, W] at 0.94 mm, any unit -> (tissue [4, H, W], level [7, H, W]) logits."""
    tissue, level = session.run(['tissue', 'level'], {'image': pad(normalise(grey))[None, None]})
    h, w = grey.shape
    return tissue[0, :, :h, :w], level[0, :, :h, :w]


def truth_of(one) -> dict:
    """{level index: Candidate} of the discs named in a slice's level map, L5-S1 to L1-L2."""
    discs = {k: np.argwhere(one.level == k) for k in range(len(LUMBAR))}
    return {k: describe(p) for k, p in discs.items() if len(p) >= 25}


def region_iou(a, b) -> float:
    """Overlap of two discs' regions of interest (extent plus 10 mm on every side)."""
    margin = MARGIN_MM / SPACING_MM
    (r0, c0, r1, c1), (s0, d0, s1, d1) = (np.array(x.box) + [-margin, -margin, margin, margin] for x in (a, b))
    both = max(0, min(r1, s1) - max(r0, s0)) * max(0, min(c1, d1) - max(c0, d0))
    return both / ((r1 - r0) * (c1 - c0) + (s1 - s0) * (d1 - d0) - both)


class Tally:
    """Counts, errors and shares of some slices."""

    def __init__(self) -> None:
        self.counts, self.errors, self.overlaps, self.shares = Counter(), [], [], []

    def add(self, other) -> None:
        self.counts.update(other.counts)
        for mine, new in zip((self.errors, self.overlaps, self.shares), (other.errors, other.overlaps, other.shares)):
            mine += new

    def sureness(self) -> float:
        return float(np.median(self.shares)) if self.shares else 0.0


def measure_slice(found, truth) -> Tally:
    tally = Tally()
    tally.shares = [float(c.shares[:BELOW].max() / c.shares[:BELOW].sum()) for c in found[:5]]
    names = {key: naming(found) for key, naming in NAMINGS.items()}
    for level, disc in truth.items():
        tally.counts['discs'] += 1
        apart = [np.hypot(*(c.centre - disc.centre)) * SPACING_MM for c in found]
        if not apart or min(apart) > FOUND_MM:
            continue
        k = int(np.argmin(apart))
        tally.counts['found'] += 1
        tally.errors.append(apart[k])
        tally.overlaps.append(region_iou(found[k], disc))
        tally.counts.update(key for key in NAMINGS if names[key][k] == level)
    return tally


def measure_patient(session, slices, variant, png=None) -> Tally:
    tally = Tally()
    for one in slices:
        grey, truth = variant(one), truth_of(one)
        tissue, level = infer(session, grey)
        found = candidates(tissue, level)
        tally.add(measure_slice(found, {k: d for k, d in truth.items() if d.centre[0] < grey.shape[0]}))
        if png:
            os.makedirs(png, exist_ok=True)
            Image.fromarray(overlay.draw(grey, tissue, level, found)).save(f'{png}/{one.patient}_{one.number}.png')
    tally.counts['series'] += 1
    tally.counts['sure'] += tally.sureness() >= SURE
    return tally


HEAD = ('| patient | discs | found | order | head | chain | order % | head % | chain % | median mm | p95 mm | region IoU | sure |\n'
        '|---|---|---|---|---|---|---|---|---|---|---|---|---|')


def row(name, tally) -> str:
    counts, n, e = tally.counts, max(tally.counts['discs'], 1), tally.errors or [float('nan')]
    cells = [name, counts['discs'], counts['found'], *(counts[k] for k in NAMINGS),
             *(f'{100 * counts[k] / n:.1f}%' for k in NAMINGS),
             f'{np.median(e):.2f}', f'{np.percentile(e, 95):.2f}', f'{np.median(tally.overlaps or [0]):.3f}', f'{tally.sureness():.2f}']
    return '| ' + ' | '.join(map(str, cells)) + ' |'


def evaluate(folders, data, stride, variant, png=None) -> dict:
    """Print a row per patient and one in all; return the totals as numbers."""
    print(f'{variant}\n\n{HEAD}')
    total = Tally()
    for folder in folders:
        with open(os.path.join(folder, 'card.json'), encoding='utf-8') as f:
            held = json.load(f)['trainingData']['heldOut']
        session = open_session(folder)
        for patient in (p for p in held if p not in NO_LEVELS):
            tally = measure_patient(session, load_cached(data, patient)[::stride], VARIANTS[variant], png)
            print(row(patient, tally), flush=True)
            total.add(tally)
    print(row('all', total) + '\n')
    return summary(total)


load_cached = functools.lru_cache(maxsize=None)(load_patient)


def summary(tally) -> dict:
    counts, n = tally.counts, tally.counts['discs']
    return dict(series=counts['series'], discs=n, found=round(counts['found'] / n, 4),
                **{f'levelBy{k.capitalize()}': round(counts[k] / n, 4) for k in NAMINGS},
                centreErrorMmMedian=round(float(np.median(tally.errors)), 3), centreErrorMmP95=round(float(np.percentile(tally.errors, 95)), 3),
                regionIouMedian=round(float(np.median(tally.overlaps)), 4), seriesSure=counts['sure'])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--model', action='append', required=True)
    p.add_argument('--data', default='spider')
    p.add_argument('--stride', type=int, default=4)
    p.add_argument('--variant', action='append', choices=list(VARIANTS))
    p.add_argument('--metrics', help='write the totals of every variant here, for the card')
    p.add_argument('--png', help='write a picture per slice here')
    args = p.parse_args()
    how = (f'SPIDER held-out patients, every {args.stride}th slice, discs L5-S1 to L1-L2; counted per disc and slice; '
           f'levels by order from the lowest, by the level head, and by the best unbroken chain in one slice; no chain over slices; '
           f'the t1 variant is painted from the label maps, which is easier than a T1 scan; '
           f'seriesSure: median share of the likeliest level at least {SURE}, wanted in all but sacrum-cut')
    totals = dict(how=how, crossValidated=len(args.model) > 1)
    for variant in args.variant or ['plain']:
        totals[variant] = evaluate(args.model, args.data, args.stride, variant, args.png and os.path.join(args.png, variant))
    print(json.dumps(totals))
    if args.metrics:
        with open(args.metrics, 'w', encoding='utf-8') as f:
            json.dump(totals, f, indent=1)


if __name__ == '__main__':
    main()

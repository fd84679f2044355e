"""Measure localiser weights on held-out SPIDER patients, each read as a series of every fourth slice.

  python -m calcidisc_training.evaluate_localiser --model DIR [--model DIR ...] [--variant inverted] [--png DIR]

DIR holds model.onnx and card.json; the card's heldOut says which patients it may be measured on.
"""
import argparse
import json
import os
from collections import Counter

import numpy as np
import onnxruntime
from PIL import Image

from . import overlay
from .candidates import by_chain, by_head, by_order, candidates, describe
from .levels import LUMBAR
from .normalise import normalise, pad
from .spider import NO_LEVELS, SPACING_MM, load_patient
from .variants import VARIANTS

FOUND_MM, MARGIN_MM = 6.0, 10.0
NAMINGS = {'order': by_order, 'head': by_head, 'chain': by_chain}


def open_session(folder, threads=2):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(os.path.join(folder, 'model.onnx'), options, providers=['CPUExecutionProvider'])


def infer(session, grey):
    """[H, W] at 0.94 mm, any unit -> (tissue [4, H, W], level [7, H, W]) logits."""
    tissue, level = session.run(['tissue', 'level'], {'image': pad(normalise(grey))[None, None]})
    h, w = grey.shape
    return tissue[0, :, :h, :w], level[0, :, :h, :w]


def truth_of(one):
    """{level index: Candidate} of the discs named in a slice's level map, L5-S1 to L1-L2."""
    discs = {k: np.argwhere(one.level == k) for k in range(len(LUMBAR))}
    return {k: describe(p) for k, p in discs.items() if len(p) >= 25}


def region_iou(a, b):
    """Overlap of two discs' regions of interest (extent plus 10 mm on every side)."""
    margin = MARGIN_MM / SPACING_MM
    (r0, c0, r1, c1), (s0, d0, s1, d1) = (np.array(x.box) + [-margin, -margin, margin, margin] for x in (a, b))
    both = max(0, min(r1, s1) - max(r0, s0)) * max(0, min(c1, d1) - max(c0, d0))
    return both / ((r1 - r0) * (c1 - c0) + (s1 - s0) * (d1 - d0) - both)


def measure_slice(found, truth):
    """Counts and errors of one slice."""
    counts, errors, overlaps = Counter(), [], []
    names = {key: naming(found) for key, naming in NAMINGS.items()}
    for level, disc in truth.items():
        counts['discs'] += 1
        apart = [np.hypot(*(c.centre - disc.centre)) * SPACING_MM for c in found]
        if not apart or min(apart) > FOUND_MM:
            continue
        k = int(np.argmin(apart))
        counts['found'] += 1
        errors.append(apart[k])
        overlaps.append(region_iou(found[k], disc))
        counts.update(key for key in NAMINGS if names[key][k] == level)
    return counts, errors, overlaps


def measure_patient(session, slices, variant, png=None):
    counts, errors, overlaps = Counter(), [], []
    for one in slices:
        grey = variant(one)
        tissue, level = infer(session, grey)
        found = candidates(tissue, level)
        one_counts, e, o = measure_slice(found, truth_of(one))
        counts.update(one_counts)
        errors += e
        overlaps += o
        if png:
            os.makedirs(png, exist_ok=True)
            Image.fromarray(overlay.draw(grey, tissue, level, found)).save(f'{png}/{one.patient}_{one.number}.png')
    return counts, errors, overlaps


def row(name, counts, errors, overlaps):
    n, e = max(counts['discs'], 1), errors or [float('nan')]
    cells = [name, counts['discs'], counts['found'], *(counts[k] for k in NAMINGS),
             *(f'{100 * counts[k] / n:.1f}%' for k in NAMINGS),
             f'{np.median(e):.2f}', f'{np.percentile(e, 95):.2f}', f'{np.median(overlaps or [0]):.3f}']
    return '| ' + ' | '.join(map(str, cells)) + ' |'


HEAD = ('| patient | discs | found | order | head | chain | order % | head % | chain % | median mm | p95 mm | region IoU |\n'
        '|---|---|---|---|---|---|---|---|---|---|---|---|')


def evaluate(folders, data, stride, variant, png=None):
    """Print a row per patient and one in all; return the totals as numbers."""
    print(HEAD)
    total, errors, overlaps = Counter(), [], []
    for folder in folders:
        with open(os.path.join(folder, 'card.json'), encoding='utf-8') as f:
            held = json.load(f)['trainingData']['heldOut']
        session = open_session(folder)
        for patient in (p for p in held if p not in NO_LEVELS):
            measured = measure_patient(session, load_patient(data, patient)[::stride], VARIANTS[variant], png)
            print(row(patient, *measured), flush=True)
            total.update(measured[0])
            errors += measured[1]
            overlaps += measured[2]
    print(row('all', total, errors, overlaps))
    return summary(total, errors, overlaps)


def summary(total, errors, overlaps):
    n = total['discs']
    return dict(discs=n, found=total['found'] / n, **{f'levelBy{k.capitalize()}': total[k] / n for k in NAMINGS},
                centreErrorMmMedian=float(np.median(errors)), centreErrorMmP95=float(np.percentile(errors, 95)),
                regionIouMedian=float(np.median(overlaps)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--model', action='append', required=True)
    p.add_argument('--data', default='../../../shared/data/spider-t2-sagittal')
    p.add_argument('--stride', type=int, default=4)
    p.add_argument('--variant', default='plain', choices=list(VARIANTS))
    p.add_argument('--png', help='write a picture per slice here')
    args = p.parse_args()
    print(json.dumps(evaluate(args.model, args.data, args.stride, args.variant, args.png)))


if __name__ == '__main__':
    main()

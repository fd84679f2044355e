"""Why does a classifier flag ordinary discs? One change at a time, from what its training showed it to what it meets.

    python -m calcidisc_training.classifier.flag_reasons --data …/spider-t2-sagittal --slices SLICES --model ../resnet34/2 [--patients 57,81,107,141,234]

Prints a line for each change: the share of regions without calcification at or above the model's threshold. SLICES as
`npm run bench:flags -- --slices` wrote it. Every line has the same patients; --count regions each.
"""
import argparse
import json
import os

import numpy as np

from ..sets.classifier_data import patient_anatomies
from ..sets.flag_sets import Draw, scene_in
from ..sets.painters import paint_trace
from ..sets.real_regions import read_discs
from ..sets.roi import region_of, resample, to_grey
from ..sets.scanner import zoomed
from ..sets.simulate import simulate_region
from ..sets.simulate_shapes import blur
from ..sets.simulate_site import rician
from ..spine.spider import HELD_OUT
from .parity import onnx_scores


def shown(image, box, grey) -> np.ndarray:
    return to_grey(resample(image, box), *grey)


def from_masks(data, patients, count, rng) -> dict:
    """What the training showed: herniations painted on nine of ten, boxes about the mask."""
    anatomies = [a for p in patients for _, _, a in patient_anatomies(data, p)]
    picked = [anatomies[i] for i in rng.integers(len(anatomies), size=count)]
    training = [simulate_region(a, 0, np.random.default_rng([3, k]), 'internal').picture for k, a in enumerate(picked)]
    bare = [shown(a.pixels, region_of(a.extent, (a.spacing_mm,) * 2), a.grey) for a in picked]
    return {'as in its training: herniation painted, box of the mask': training, 'nothing painted': bare}


def changes(window, rng) -> dict:
    """Pictures of one untouched window, each changed in one way."""
    image, box, grey, mm = window.pixels.astype(np.float64), window.box, window.grey, window.spacing_mm
    scene = scene_in(window)
    finer = zoomed(image, 0.47 / 0.3, 0.47 / 0.3, order=3)
    coarse = zoomed(blur(image, 0.7), mm / 0.9, mm / 0.9)
    scaled = {f: [(v + 0.5) * f - 0.5 for v in box] for f in (0.47 / 0.3, mm / 0.9)}
    span = grey[1] - grey[0]
    return {
        'box of the localiser': shown(image, box, grey),
        'painted soft tissue or look-alikes': shown(paint_trace(image, scene, rng, 0.5)[0], box, grey),
        'blurred by 0.5 mm': shown(blur(image, 0.5 / mm), box, grey),
        '0.9 mm pixels': shown(coarse, scaled[mm / 0.9], grey),
        'interpolated to 0.3 mm': shown(finer, scaled[0.47 / 0.3], grey),
        'white a quarter brighter': shown(image, box, (grey[0], grey[0] + 0.8 * span)),
        'white a quarter darker': shown(image, box, (grey[0], grey[0] + 1.25 * span)),
        'noise of 5 % of bone': shown(rician(image, 0.05 * scene.bone_signal, rng), box, grey),
        'sharpened': shown(np.maximum(image + 0.8 * (image - blur(image, 0.7 / mm)), 0), box, grey),
    }


def from_localiser(slices, patients, count, rng) -> dict:
    wanted = {f'SPIDER{p}' for p in patients}
    discs = [d for d in read_discs(slices) if d.stack.patient in wanted]
    draw, found = Draw(discs), {}
    for disc in (discs[draw.one(rng)] for _ in range(count)):
        for name, picture in changes(disc.cut(), rng).items():
            found.setdefault(name, []).append(picture)
        thick = disc.cut(5)
        found.setdefault('slices of 4.5 mm', []).append(shown(thick.pixels, thick.box, thick.grey))
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', required=True)
    p.add_argument('--slices', required=True)
    p.add_argument('--model', required=True, help='folder with model.onnx and card.json')
    p.add_argument('--patients', default=','.join(map(str, HELD_OUT)))
    p.add_argument('--count', type=int, default=120)
    a = p.parse_args()
    with open(os.path.join(a.model, 'card.json'), encoding='utf-8') as f:
        threshold = json.load(f)['threshold']
    patients, rng = [int(n) for n in a.patients.split(',')], np.random.default_rng(9)
    for name, pictures in {**from_masks(a.data, patients, a.count, rng), **from_localiser(a.slices, patients, a.count, rng)}.items():
        scores = onnx_scores(os.path.join(a.model, 'model.onnx'), np.stack(pictures))
        print(f'| {name} | {100 * np.mean(scores >= threshold):.0f} % | {np.median(scores):.2f} |', flush=True)


if __name__ == '__main__':
    main()

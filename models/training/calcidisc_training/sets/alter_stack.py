"""A real series made into another: thicker slices, calcification painted, another scanner. For measuring, not for training.

    python -m calcidisc_training.sets.alter_stack IN OUT [--slab 5] [--painter seen|unseen|trace] [--scanner 3] [--seed 1]

IN is a folder that `npm run bench:flags` wrote (stack.json, pixels.f32, labels.u8); OUT gets stack.json and pixels.f32.
Painted is every disc of every slice near the midline. stack.json then has `painted`: {slice: {level: {lossMm2, ...}}}.
"""
import argparse
import json
import os

import numpy as np

from .flag_sets import scene_in
from .painters import loss_of, paint_calcification, paint_trace
from .real_regions import Stack, discs_of, read_stack
from .scanner import scanned
from .simulate import pick
from .simulate_params import SIMULATION
from .unseen_painter import paint_unseen

LEAST_MM2 = 2.5


def thick_stack(stack: Stack, count) -> Stack:
    """Means of `count` neighbours; the middle one's labels, discs and place stand."""
    groups = [range(i, i + count) for i in range(0, len(stack.slices) - count + 1, count)]
    middle = [g[count // 2] for g in groups]
    pixels = [np.mean([stack.pixels[k] for k in g], axis=0, dtype=np.float32) for g in groups]
    slices = [dict(stack.slices[k], grey=list(np.percentile(p, [1, 99.5]))) for k, p in zip(middle, pixels)]
    return Stack(stack.name, stack.source, stack.patient, stack.gap_mm * count, slices, pixels, [stack.labels[k] for k in middle])


def paint_disc(disc, painter, rng) -> tuple[np.ndarray, dict]:
    """(pixels of disc.where with the painting, what is seen of it). The unseen painter draws again while it is next to nothing."""
    window = disc.cut()
    scene, before = scene_in(window), window.pixels.astype(np.float64)
    psf = pick(rng, SIMULATION['blurPx'])
    if painter == 'trace':
        return paint_trace(before, scene, rng, psf)[0], {}
    for _ in range(8):
        if painter == 'seen':
            after, alpha, _ = paint_calcification(before, scene, rng, psf)
        else:
            after, alpha = paint_unseen(before, scene, rng)
        loss, lost = loss_of(before, after, alpha, scene)
        if lost >= LEAST_MM2:
            break
    on = alpha > 0.3
    contrast = float((loss[on]).mean() / scene.bone_signal) if on.any() else 0.0
    area = float(alpha.sum()) * scene.spacing_mm ** 2
    return after, dict(lossMm2=round(lost, 2), areaMm2=round(area, 2), contrastOfBone=round(contrast, 3), contrastToNoise=round(contrast * scene.bone_signal / scene.noise_sd, 1))


def painted_stack(stack: Stack, painter, middle_mm, seed) -> tuple[Stack, dict]:
    pixels, told = [np.array(p) for p in stack.pixels], {}
    for disc in discs_of(stack, middle_mm):
        rng = np.random.default_rng([seed, 77, disc.at, int(disc.level[1])])
        row0, row1, col0, col1 = disc.where
        # Windows of neighbouring discs overlap: each is painted on what the other left.
        there = Stack(stack.name, stack.source, stack.patient, stack.gap_mm, stack.slices, pixels, stack.labels)
        after, about = paint_disc(type(disc)(there, disc.at, disc.level, disc.extent), painter, rng)
        pixels[disc.at][row0:row1, col0:col1] = after
        told.setdefault(str(disc.at), {})[disc.level] = about
    return Stack(stack.name, stack.source, stack.patient, stack.gap_mm, stack.slices, pixels, stack.labels), told


def scanned_stack(stack: Stack, scanner) -> Stack:
    """Every slice by the same drawn scanner: the same draws, other noise."""
    slices, pixels = [], []
    for one, image, labels in zip(stack.slices, stack.pixels, stack.labels):
        bone = np.median(image[labels == 76]) if (labels == 76).any() else np.median(image)
        rows, cols = image.shape
        made, box, _, _ = scanned(np.random.default_rng([scanner, 5]), image, labels, [0, 0, cols, rows], one['spacingMm'][0], tuple(one['grey']), float(bone))
        scale = one['spacingMm'][0] * rows / made.shape[0]
        slices.append(dict(one, rows=made.shape[0], columns=made.shape[1], spacingMm=[scale, one['spacingMm'][1] * cols / made.shape[1]]))
        pixels.append(made.astype(np.float32))
    return Stack(stack.name, stack.source, stack.patient, stack.gap_mm, slices, pixels, [])


def write_stack(folder, stack: Stack, about, painted) -> None:
    os.makedirs(folder, exist_ok=True)
    top = max(float(p.max()) for p in stack.pixels)
    with open(os.path.join(folder, 'pixels.f32'), 'wb') as f:
        for one in stack.pixels:
            f.write(np.ascontiguousarray(np.clip(one, 0, None) * (4000 / max(top, 1e-6)), '<f4').tobytes())
    with open(os.path.join(folder, 'stack.json'), 'w', encoding='utf-8') as f:
        json.dump(dict(about, gapMm=stack.gap_mm, slices=stack.slices, painted=painted), f)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('input')
    p.add_argument('out')
    p.add_argument('--slab', type=int, default=1)
    p.add_argument('--painter', choices=['seen', 'unseen', 'trace'])
    p.add_argument('--scanner', type=int)
    p.add_argument('--seed', type=int, default=1)
    a = p.parse_args()
    with open(os.path.join(a.input, 'stack.json'), encoding='utf-8') as f:
        about = json.load(f)
    stack, painted = read_stack(a.input, 'measured'), {}
    if a.slab > 1:
        stack = thick_stack(stack, a.slab)
    if a.painter:
        stack, painted = painted_stack(stack, a.painter, about['middleMm'], a.seed)
    if a.scanner is not None:
        stack = scanned_stack(stack, a.scanner)
    write_stack(a.out, stack, {k: about[k] for k in ('patientId', 'middleMm')}, painted)


if __name__ == '__main__':
    main()
